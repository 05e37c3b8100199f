#include "sid/sid_import.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

/* Rows of the foreign file by our names. */
typedef struct {
    strtab_t ids;   /* indexed */
    int64_t *row;   /* [ids.count] */
} named_t;

static const char *name_of(const foreign_sids_t *f, const sid_import_t *how, int64_t row, size_t *n)
{
    const char *key = strtab_get(how->rows ? how->rows : &f->keys, row, n);
    return how->map ? item_map_find(how->map, key, *n, n) : key;
}

static named_t name_rows(const foreign_sids_t *f, const sid_import_t *how)
{
    named_t named = {.row = NEW_ARRAY(int64_t, f->keys.count)};
    if (how->rows && how->rows->count != f->keys.count)
        die_at(f->name, 0, "%lld rows, expected %lld as %s has items", (long long)f->keys.count, (long long)how->rows->count,
               how->rows_name);
    strtab_index(&named.ids);
    for (int64_t i = 0; i < f->keys.count; i++) {
        size_t n;
        const char *id = name_of(f, how, i, &n);
        if (!id) continue;
        if (strtab_find(&named.ids, id, n) >= 0) die_at(f->name, 0, "item '%.*s' has two keys in %s", (int)n, id, how->map->name);
        named.row[named.ids.count] = i;
        strtab_add(&named.ids, id, n);
    }
    return named;
}

/* Puts the rows in the order of the items asked for, every one of which must be there. */
static void order_rows(named_t *named, const foreign_sids_t *f, const sid_import_t *how)
{
    named_t ordered = {.row = NEW_ARRAY(int64_t, how->items->count)};
    int64_t missing = 0, first = -1;
    for (int64_t i = 0; i < how->items->count; i++) {
        size_t n;
        const char *id = strtab_get(how->items, i, &n);
        const int64_t at = strtab_find(&named->ids, id, n);
        if (at < 0 && !missing++) first = i;
        if (at >= 0) ordered.row[i] = named->row[at];
        strtab_add(&ordered.ids, id, n);
    }
    if (missing) {
        size_t n;
        const char *id = strtab_get(how->items, first, &n);
        die_at(f->name, 0, "no SID for %lld of the %lld items of %s, the first '%.*s'", (long long)missing, (long long)how->items->count,
               how->items_name, (int)n, id);
    }
    strtab_free(&named->ids);
    free(named->row);
    *named = ordered;
}

void sid_import_sizes(sids_t *s)
{
    s->codes = s->max_suffix = 0;
    for (int64_t i = 0; i < s->items * s->levels; i++)
        if (s->code[i] >= s->codes) s->codes = s->code[i] + 1;
    for (int64_t i = 0; i < s->items; i++)
        if (s->suffix[i] >= s->max_suffix) s->max_suffix = s->suffix[i] + 1;
}

sids_t sid_import(const foreign_sids_t *f, const sid_import_t *how, int64_t *left_out)
{
    named_t named = name_rows(f, how);
    if (how->items) order_rows(&named, f, how);
    const size_t width = (size_t)f->levels * sizeof *f->code;
    sids_t s = {.items = named.ids.count, .levels = f->levels, .item_ids = named.ids};
    if (!s.items) die_at(f->name, 0, "no item is left, expected 1 or more");
    s.code = xmalloc(size_mul((size_t)s.items, width));
    s.suffix = NEW_ARRAY(int32_t, s.items);
    for (int64_t i = 0; i < s.items; i++) {
        memcpy(s.code + i * s.levels, f->code + named.row[i] * f->levels, width);
        s.suffix[i] = f->suffix[named.row[i]];
    }
    free(named.row);
    sid_import_sizes(&s);
    *left_out = f->keys.count - s.items;
    return s;
}
