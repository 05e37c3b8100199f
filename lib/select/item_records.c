#include "select/item_records.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "data/items.h"

static char *one_line(const char *text)
{
    char *line = xstrdup(text);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < ' ') *c = ' ';
    return line;
}

static void take(item_records_t *r, const items_t *from, int64_t item)
{
    const char *title = items_string(from, "title");
    if (title) r->title[item] = one_line(title);
    if (r->line) r->line[item] = xstrndup(from->text.data, from->text.len);
    if (r->facets) facets_add(r->facets, (int32_t)item, from->json);
}

item_records_t *item_records_read(const char *path, const strtab_t *ids, bool lines, bool facets)
{
    item_records_t *r = NEW(item_records_t);
    r->items = ids->count;
    r->title = NEW_ARRAY(char *, ids->count + 1);
    if (lines) r->line = NEW_ARRAY(char *, ids->count + 1);
    if (facets) r->facets = facets_new();
    items_t from = items_open(path);
    while (items_next(&from)) {
        const int64_t item = strtab_find(ids, from.id, strlen(from.id));
        if (item >= 0) take(r, &from, item);
    }
    items_close(&from);
    return r;
}

void item_records_free(item_records_t *r)
{
    if (!r) return;
    for (int64_t i = 0; i < r->items; i++) {
        free(r->title[i]);
        if (r->line) free(r->line[i]);
    }
    free(r->title);
    free(r->line);
    facets_free(r->facets);
    free(r);
}

void item_records_write_title(const item_records_t *r, int64_t item, buf_t *out)
{
    const char *title = r ? r->title[item] : NULL;
    if (!title) return;
    buf_puts(out, ",\"title\":");
    buf_json_string(out, title, strlen(title));
}
