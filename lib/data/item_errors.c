#include "data/item_errors.h"

#include <string.h>

#include "base/in.h"
#include "data/items.h"
#include "data/json.h"

enum { MAX_MESSAGE = 1000 /* bytes */ };

/* Appends `s` with every byte that is not UTF-8 as '?'. */
static void add_clean(buf_t *out, const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        size_t len = 1;
        while (len < 4 && i + len < n && !utf8_valid(s + i, len)) len++;
        bool good = utf8_valid(s + i, len);
        if (!good) len = 1;
        if (out->len + len > MAX_MESSAGE) break;
        buf_add(out, good ? s + i : "?", len);
        i += len;
    }
}

void item_errors_add(buf_t *entries, const char *tool, const char *message)
{
    buf_t clean = {0};
    add_clean(&clean, message, strlen(message));
    buf_puts(entries, entries->len ? ",{\"tool\":" : "{\"tool\":");
    buf_json_string(entries, tool, strlen(tool));
    buf_puts(entries, ",\"message\":");
    buf_json_string(entries, clean.len ? clean.data : "", clean.len);
    buf_puts(entries, "}");
    buf_free(&clean);
}

static bool is_own(const json_element_t *entry, const char *tool)
{
    cJSON *json = cJSON_ParseWithLength(entry->value, (size_t)(entry->value_end - entry->value));
    const cJSON *name = cJSON_GetObjectItemCaseSensitive(json, "tool");
    bool own = cJSON_IsString(name) && !strcmp(name->valuestring, tool);
    cJSON_Delete(json);
    return own;
}

/* Finds the bytes of the record's `errors` value; empty where there is none. */
static json_element_t find_errors(const buf_t *text)
{
    json_element_t found = {0};
    for (json_member_t m = {0}; json_next_member(text->data, text->len, &m);)
        if (json_member_is(&m, "errors") && *m.value == '[') found = (json_element_t){m.value, m.value_end};
    return found;
}

void item_errors_put(buf_t *text, const char *tool, const buf_t *entries)
{
    buf_t all = {0};
    int dropped = 0;
    json_element_t old = find_errors(text), e = {0};
    while (old.value && json_next_element(old.value, (size_t)(old.value_end - old.value), &e)) {
        if (is_own(&e, tool)) {
            dropped++;
            continue;
        }
        buf_puts(&all, all.len ? "," : "[");
        buf_add(&all, e.value, (size_t)(e.value_end - e.value));
    }
    if (dropped || entries->len) {
        if (entries->len) {
            buf_puts(&all, all.len ? "," : "[");
            buf_add(&all, entries->data, entries->len);
        }
        if (all.len) buf_puts(&all, "]");
        items_splice(text, "errors", all.len ? all.data : NULL);
    }
    buf_free(&all);
}
