/* Tables of codes: an item a line, its id and its codes between tabs; a first line without numbers is a header. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "formats/cells.h"
#include "formats/when.h"
#include "net/unpack.h"
#include "sid/foreign_forms.h"

enum { MOST_CELLS = SID_MAX_TOKENS + 1 };

/* Reads a cell; an empty one is no suffix. */
static int64_t cell_code(const foreign_rows_t *r, const lines_t *l, cell_t c)
{
    int64_t code = -1;
    if (!integer_parse(c.s, c.len, &code) && !(r->last_is_suffix && !c.len))
        die_at(l->name, l->number, "'%.*s', expected a code", cell_shown(c), c.s);
    return code;
}

static void read_line(foreign_rows_t *r, const lines_t *l, int columns)
{
    cell_t cells[MOST_CELLS];
    int64_t codes[MOST_CELLS];
    const int n = cells_split(l->line, l->len, '\t', cells, MOST_CELLS);
    if (n != columns) die_at(l->name, l->number, "%d columns, expected %d as in the first line", n, columns);
    for (int i = 1; i < n; i++) codes[i - 1] = cell_code(r, l, cells[i]);
    foreign_rows_add(r, l->number, cells[0].s, cells[0].len, n - 1, codes);
}

/* Looks at the first line: how many columns there are, and whether they are named there, none by a number. */
static bool is_header(foreign_rows_t *r, const lines_t *l, int *columns)
{
    cell_t cells[MOST_CELLS];
    int64_t code;
    *columns = cells_split(l->line, l->len, '\t', cells, MOST_CELLS);
    if (*columns < 2 || *columns > MOST_CELLS)
        die_at(l->name, l->number, "%d column%s, expected an item and 1 to %d codes between tabs", *columns, *columns == 1 ? "" : "s",
               SID_MAX_TOKENS);
    for (int i = 1; i < *columns; i++)
        if (integer_parse(cells[i].s, cells[i].len, &code)) return false;
    r->last_is_suffix |= cell_is(cells[*columns - 1], "suffix");
    return true;
}

foreign_sids_t foreign_table_read(const char *path, bool last_is_suffix)
{
    lines_t l = in_lines_unpacked(path, NULL);
    foreign_rows_t r = {.file = l.name, .last_is_suffix = last_is_suffix};
    int columns = 0;
    in_digest(&l);
    while (in_next(&l)) {
        if (!utf8_valid(l.line, l.len)) die_at(l.name, l.number, "not valid UTF-8");
        if (l.number == 1 && is_header(&r, &l, &columns)) continue;
        read_line(&r, &l, columns);
    }
    if (!l.number) die_at(l.name, 0, "is empty, expected an item a line");
    foreign_sids_t f = foreign_rows_end(&r);
    f.name = xstrdup(l.name);
    f.digest = in_digest_hex(&l);
    in_close(&l);
    return f;
}

void foreign_table_write(const sids_t *s, out_t *o)
{
    const bool suffixes = sids_suffixed(s) > 0;
    buf_t line = {0};
    buf_puts(&line, "item");
    for (int l = 0; l < s->levels; l++) buf_printf(&line, "\tc%d", l + 1);
    buf_puts(&line, suffixes ? "\tsuffix\n" : "\n");
    for (int64_t i = 0; i <= s->items; i++) {
        out_write(o, line.data, line.len);
        if (i == s->items) break;
        size_t n;
        const char *id = strtab_get(&s->item_ids, i, &n);
        buf_clear(&line);
        buf_add(&line, id, n);
        for (int l = 0; l < s->levels; l++) buf_printf(&line, "\t%d", s->code[i * s->levels + l]);
        if (suffixes) buf_printf(&line, "\t%d", s->suffix[i]);
        buf_puts(&line, "\n");
    }
    buf_free(&line);
}
