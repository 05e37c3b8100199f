#include "formats/table.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

const char *const table_quotes[] = {"auto", "double", "none", NULL};

/* Tells whether a cell is good UTF-8, or has been made so. */
static bool check_text(table_t *t, int column)
{
    const table_cell_t *c = &t->cells[column];
    if (utf8_valid(c->s, c->len)) return true;
    if (t->mend && !t->exact[column]) return utf8_mend((char *)(uintptr_t)c->s, c->len); /* it lies in a buffer of the reader's */
    char *why = source_no_utf8(&t->source);
    table_bad_row(t, "%s", why);
    free(why);
    return false;
}

bool table_next(table_t *t)
{
    for (int cells;;) {
        if (!t->next(t, &cells)) return false;
        bool good = cells == t->columns;
        if (!good)
            table_bad_row(t, "%d cell%s, expected %d as in the %s row", cells, cells == 1 ? "" : "s", t->columns,
                          t->header.count ? "header" : "first");
        for (int i = 0; good && i < cells; i++) good = check_text(t, i);
        if (good) return true;
    }
}

void table_bad_row(table_t *t, const char *fmt, ...)
{
    char why[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    source_bad_lines(&t->source, t->line, t->lines, why);
}

void table_exact(table_t *t, int column) { if (column >= 0) t->exact[column] = true; }

/* Writes what a column without a name is called. */
static size_t number_name(int column, char name[16]) { return (size_t)snprintf(name, 16, "#%d", column + 1); }

void table_add_name(const table_t *t, int column, strtab_t *names)
{
    char number[16];
    size_t n = number_name(column, number);
    const char *name = column < t->header.count ? strtab_get(&t->header, column, &n) : number;
    strtab_add(names, name, n);
}

void table_free(table_t *t)
{
    source_close(&t->source);
    strtab_free(&t->header);
    free(t->cells);
    free(t->exact);
    free(t->sequence);
    t->close(t);
}

void table_take_header(table_t *t)
{
    const char *file = t->source.lines.name;
    for (int i = 0; i < t->columns; i++) {
        table_cell_t c = t->cells[i];
        char number[16];
        if (!utf8_valid(c.s, c.len)) die_at(file, t->line, "the header is %s", source_no_utf8(&t->source));
        if (c.len) strtab_add(&t->header, c.s, c.len);
        else strtab_add(&t->header, number, number_name(i, number));
    }
    int64_t twice = strtab_index(&t->header);
    size_t len = 0;
    const char *name = twice < 0 ? NULL : strtab_get(&t->header, twice, &len);
    if (name) die_at(file, t->line, "column \"%.*s\" is there twice, expected once", (int)len, name);
}

void table_set_columns(table_t *t, int n)
{
    if (n > TABLE_MAX_COLUMNS) die_at(t->source.lines.name, t->line, "more than %d columns", TABLE_MAX_COLUMNS);
    t->columns = n;
    t->cells = NEW_ARRAY(table_cell_t, n);
    t->exact = NEW_ARRAY(bool, n);
}

/* --- RecBole ------------------------------------------------------------------------------------------------------------ */

/* Reads the next line that is not empty; false at the end. */
static bool full_line(table_t *t)
{
    lines_t *l = &t->source.lines;
    do {
        if (!in_next(l)) return false;
    } while (!l->len);
    t->line = l->number;
    t->lines = 1;
    return true;
}

static int split(table_t *t)
{
    return cells_split(t->source.lines.line, t->source.lines.len, '\t', t->cells, t->columns);
}

static bool recbole_next(table_t *t, int *cells)
{
    if (!full_line(t)) return false;
    *cells = split(t);
    return true;
}

static void recbole_close(table_t *t) { free(t); }

/* Takes the type off a column's name. */
static void take_type(table_t *t, int column)
{
    table_cell_t *c = &t->cells[column];
    static const char *const types[] = {"token", "token_seq", "float", "float_seq"};
    const char *colon = memrchr(c->s, ':', c->len);
    size_t name = colon ? (size_t)(colon - c->s) : c->len, n = colon ? c->len - name - 1 : 0;
    for (int i = 0; colon && i < 4; i++) {
        if (strlen(types[i]) != n || memcmp(types[i], colon + 1, n) != 0) continue;
        c->len = name;
        t->sequence[column] = i % 2;
        return;
    }
    die_at(t->source.lines.name, t->line,
           "column \"%.*s\", expected NAME:TYPE with a type of token, token_seq, float or float_seq",
           c->len < 200 ? (int)c->len : 200, c->s);
}

table_t *table_recbole(const source_options_t *o, bool header, tally_t *tally)
{
    if (!header) die(EX_USAGE, "RecBole's files have a header, expected columns by name");
    table_t *t = NEW(table_t);
    t->next = recbole_next;
    t->close = recbole_close;
    t->list_separator = o->list_separator;
    t->mend = o->mend;
    t->source = source_open(o, tally);
    if (!full_line(t)) die_at(t->source.lines.name, 0, "is empty, expected a header line");
    table_set_columns(t, split(t));
    split(t);
    t->sequence = NEW_ARRAY(bool, t->columns);
    for (int i = 0; i < t->columns; i++) take_type(t, i);
    table_take_header(t);
    return t;
}
