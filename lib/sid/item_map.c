#include "sid/item_map.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "formats/cells.h"
#include "formats/tables.h"
#include "net/unpack.h"

const char *const item_map_sides[] = {"auto", "first", "second", NULL};

static void read_pairs(item_map_t *m, lines_t *l)
{
    while (in_next(l)) {
        cell_t cells[2];
        const int n = cells_split(l->line, l->len, '\t', cells, 2);
        if (n != 2 || !table_is_id(cells[0].s, cells[0].len) || !table_is_id(cells[1].s, cells[1].len))
            die_at(l->name, l->number, "no pair, expected two ids with a tab between");
        if (!utf8_valid(l->line, l->len)) die_at(l->name, l->number, "not valid UTF-8");
        for (int c = 0; c < 2; c++) strtab_add(&m->column[c], cells[c].s, cells[c].len);
    }
    if (!l->number) die_at(l->name, 0, "is empty, expected two ids a line");
}

static int64_t count_found(const strtab_t *column, const strtab_t *keys)
{
    int64_t found = 0;
    for (int64_t i = 0; i < column->count; i++) {
        size_t n;
        const char *s = strtab_get(column, i, &n);
        found += strtab_find(keys, s, n) >= 0;
    }
    return found;
}

static int choose(const item_map_t *m, const strtab_t *keys)
{
    const int64_t first = count_found(&m->column[0], keys), second = count_found(&m->column[1], keys);
    if (first && second)
        die_at(m->name, 0, "items' keys stand in both columns, %lld and %lld of them: expected --item-map-keys first or second",
               (long long)first, (long long)second);
    if (!first && !second) die_at(m->name, 0, "no item's key stands in either column; do the files belong together?");
    return second > 0;
}

item_map_t item_map_read(const char *path, const char *side, const strtab_t *keys)
{
    lines_t l = in_lines_unpacked(path, NULL);
    item_map_t m = {0};
    in_digest(&l);
    read_pairs(&m, &l);
    m.digest = in_digest_hex(&l);
    m.name = l.name;
    l.name = NULL;
    in_close(&l);
    m.key = !strcmp(side, "auto") ? choose(&m, keys) : !strcmp(side, "second");
    const int64_t twice = strtab_index(&m.column[m.key]);
    if (twice >= 0) {
        size_t n;
        const char *s = strtab_get(&m.column[m.key], twice, &n);
        die_at(m.name, twice + 1, "'%.*s' is there twice, expected one id for each key", (int)n, s);
    }
    return m;
}

const char *item_map_find(const item_map_t *m, const char *key, size_t len, size_t *n)
{
    const int64_t row = strtab_find(&m->column[m->key], key, len);
    return row < 0 ? NULL : strtab_get(&m->column[!m->key], row, n);
}

void item_map_free(item_map_t *m)
{
    free(m->name);
    free(m->digest);
    for (int c = 0; c < 2; c++) strtab_free(&m->column[c]);
    *m = (item_map_t){0};
}
