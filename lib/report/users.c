#include "report/users.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "report/json_file.h"

/* A line at hand. */
typedef struct {
    const lines_t *in;
    const shelf_t *shelf;
    users_t *users;
    const cJSON *json;
} line_t;

static const cJSON *need(const line_t *l, const char *member, cJSON_bool (*is)(const cJSON *), const char *what)
{
    const cJSON *value = cJSON_GetObjectItemCaseSensitive(l->json, member);
    if (!is(value)) die_at(l->in->name, l->in->number, "no \"%s\" that is %s", member, what);
    return value;
}

/* Notes an item by its id. */
static void name_item(const line_t *l, const char *member, const cJSON *id, bool must)
{
    if (!cJSON_IsString(id)) die_at(l->in->name, l->in->number, "\"%s\": expected ids of items", member);
    if (!l->shelf->ids) return;
    const int64_t row = strtab_find(l->shelf->ids, id->valuestring, strlen(id->valuestring));
    if (row < 0 && must)
        die_at(l->in->name, l->in->number, "\"%s\": there is no item '%.100s' in the catalogue", member, id->valuestring);
    if (row < 0) return;
    GROW(l->users->rows, l->users->row_count, l->users->row_cap);
    l->users->rows[l->users->row_count++] = row;
}

/* Notes the items of the list; returns the target's place in it, 0 where it is not there. */
static int64_t name_list(const line_t *l, const cJSON *items, const char *target)
{
    const cJSON *item;
    int64_t place = 0, rank = 0;
    cJSON_ArrayForEach(item, items)
    {
        const cJSON *id = cJSON_GetObjectItemCaseSensitive(item, "id");
        name_item(l, "items", id, false);
        place++;
        if (!rank && !strcmp(id->valuestring, target)) rank = place;
    }
    return rank;
}

/* Takes a line over, with the list's length and the target's place in it as its last members. */
static void take(const line_t *l)
{
    const cJSON *event, *history = need(l, "history", cJSON_IsArray, "an array"), *items = need(l, "items", cJSON_IsArray, "an array");
    const cJSON *target = need(l, "target", cJSON_IsString, "a string");
    need(l, "user", cJSON_IsString, "a string");
    cJSON_ArrayForEach(event, history) name_item(l, "history", event, true);
    name_item(l, "target", target, true);
    const int64_t rank = name_list(l, items, target->valuestring);
    name_list(l, cJSON_GetObjectItemCaseSensitive(l->json, "model"), "");
    buf_t *out = &l->users->json;
    size_t n = l->in->len;
    while (l->in->line[n - 1] != '}') n--;
    buf_puts(out, l->users->count++ ? "," : "");
    buf_add(out, l->in->line, n - 1);
    buf_printf(out, ",\"k\":%d,\"rank\":", cJSON_GetArraySize(items));
    if (rank) buf_printf(out, "%lld}", (long long)rank);
    else buf_puts(out, "null}");
}

users_t users_read(const char *path, const shelf_t *s)
{
    users_t users = {0};
    if (!path) return users;
    lines_t in = in_lines(path);
    while (in_next_text(&in)) {
        cJSON *json = json_file_line(in.name, in.number, in.line, in.len);
        take(&(line_t){&in, s, &users, json});
        cJSON_Delete(json);
    }
    in_close(&in);
    return users;
}

void users_free(users_t *u)
{
    buf_free(&u->json);
    free(u->rows);
    *u = (users_t){0};
}
