#include "formats/table.h"

#include <csv.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"

bool table_next(table_t *t)
{
    for (int cells;;) {
        if (!t->next(t, &cells)) return false;
        bool good = cells == t->columns;
        if (!good)
            table_bad_row(t, "%d cell%s, expected %d as in the %s row", cells, cells == 1 ? "" : "s", t->columns,
                          t->header.count ? "header" : "first");
        for (int i = 0; good && i < cells; i++) {
            good = utf8_valid(t->cells[i].s, t->cells[i].len);
            if (!good) table_bad_row(t, "not valid UTF-8");
        }
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
    long long now = t->source.lines.number;
    t->source.lines.number = t->line;
    source_bad_line(&t->source, "%s", why);
    t->source.lines.number = now;
}

void table_free(table_t *t)
{
    source_close(&t->source);
    strtab_free(&t->header);
    free(t->cells);
    t->close(t);
}

static bool next_line(table_t *t, const char **line, size_t *n)
{
    if (!in_next(&t->source.lines)) return false;
    *line = t->source.lines.line;
    *n = t->source.lines.len;
    return true;
}

/* Names the columns after the row of cells just read; a column without a name is called by its number. */
static void take_header(table_t *t)
{
    const char *file = t->source.lines.name;
    for (int i = 0; i < t->columns; i++) {
        table_cell_t c = t->cells[i];
        char number[16];
        if (!utf8_valid(c.s, c.len)) die_at(file, t->line, "the header is not valid UTF-8");
        if (c.len) strtab_add(&t->header, c.s, c.len);
        else strtab_add(&t->header, number, (size_t)snprintf(number, sizeof number, "#%d", i + 1));
    }
    int64_t twice = strtab_index(&t->header);
    size_t len = 0;
    const char *name = twice < 0 ? NULL : strtab_get(&t->header, twice, &len);
    if (name) die_at(file, t->line, "column \"%.*s\" is there twice, expected once", (int)len, name);
}

/* Makes room for the columns of the first row. */
static void set_columns(table_t *t, int n)
{
    if (n > TABLE_MAX_COLUMNS) die_at(t->source.lines.name, t->line, "more than %d columns", TABLE_MAX_COLUMNS);
    t->columns = n;
    t->cells = NEW_ARRAY(table_cell_t, n);
}

/* Cuts a line at the delimiter; gives the number of cells. */
static int split(table_t *t, const char *line, size_t n, char delimiter)
{
    return cells_split(line, n, delimiter, t->cells, t->columns);
}

/* --- CSV ---------------------------------------------------------------------------------------------------------------- */

typedef struct {
    table_t base;
    struct csv_parser parser;
    buf_t text;            /* the cells of the current row, each followed by a blank */
    size_t *ends;          /* [count] where they end */
    int count, cap;        /* cells so far; of those beyond the columns only the number is kept */
    bool complete;
    bool plain;            /* the row held no quote and was cut without libcsv */
} csv_t;

static void take_cell(void *s, size_t n, void *ctx)
{
    csv_t *c = ctx;
    int most = c->base.columns ? c->base.columns : TABLE_MAX_COLUMNS;
    if (c->count < most) {
        GROW(c->ends, c->count, c->cap);
        buf_add(&c->text, s, n);
        c->ends[c->count] = c->text.len;
        buf_add(&c->text, " ", 1);
    }
    if (c->count <= TABLE_MAX_COLUMNS) c->count++;
}

static void take_end(int terminator, void *ctx)
{
    (void)terminator;
    ((csv_t *)ctx)->complete = true;
}

static int ends_row(unsigned char c) { return c == '\n'; }

static void feed(csv_t *c, const char *s, size_t n)
{
    if (csv_parse(&c->parser, s, n, take_cell, take_end, c) != n)
        die(EX_OSERR, "%s: %s", c->base.source.lines.name, csv_strerror(csv_error(&c->parser)));
}

/* Ends the process for a row that has grown too long: an open quote may swallow a whole file, and must not fill the memory. */
static void check_size(const csv_t *c)
{
    if (c->text.len > SOURCE_MAX_LINE || c->parser.entry_pos > SOURCE_MAX_LINE - c->text.len)
        die_at(c->base.source.lines.name, c->base.line, "row longer than %d bytes; is a quoted cell not closed?",
               SOURCE_MAX_LINE);
}

static bool is_blank(char c, char delimiter) { return (c == ' ' || c == '\t') && c != delimiter; }

/* Cuts a line without quotes as libcsv would, some times faster; false for a blank line. */
static bool cut_plain(csv_t *c, const char *line, size_t n)
{
    table_t *t = &c->base;
    char delimiter = (char)csv_get_delim(&c->parser);
    int cells = split(t, line, n, delimiter);
    for (int i = 0; i < cells && i < t->columns; i++) {
        table_cell_t *cell = &t->cells[i];
        while (cell->len && is_blank(*cell->s, delimiter)) cell->s++, cell->len--;
        while (cell->len && is_blank(cell->s[cell->len - 1], delimiter)) cell->len--;
    }
    if (cells == 1 && !t->cells[0].len) return false;
    c->count = cells;
    return true;
}

/* Returns false at the end. */
static bool read_row(csv_t *c)
{
    table_t *t = &c->base;
    const char *line;
    size_t n;
    c->count = 0;
    c->complete = c->plain = false;
    buf_clear(&c->text);
    for (bool within = false; !c->complete; within = c->parser.pstate != 0) { /* libcsv's state 0: between rows */
        if (!next_line(t, &line, &n)) {
            if (within) table_bad_row(t, "a quoted cell of the row is not closed at the end of the file");
            csv_fini(&c->parser, NULL, NULL, NULL);
            return false;
        }
        if (!within) t->line = t->source.lines.number;
        c->plain = !within && t->columns && !memchr(line, '"', n);
        if (c->plain && cut_plain(c, line, n)) return true;
        if (c->plain) continue;
        feed(c, line, n);
        feed(c, "\n", 1);
        check_size(c);
    }
    return true;
}

static void set_cells(csv_t *c)
{
    size_t start = 0;
    for (int i = 0; i < c->count && i < c->base.columns; start = c->ends[i++] + 1)
        c->base.cells[i] = (table_cell_t){c->text.data + start, c->ends[i] - start};
}

static bool csv_next(table_t *t, int *cells)
{
    csv_t *c = (csv_t *)t;
    if (!t->first_is_row && !read_row(c)) return false;
    t->first_is_row = false;
    if (!c->plain) set_cells(c);
    *cells = c->count;
    return true;
}

static void csv_close(table_t *t)
{
    csv_t *c = (csv_t *)t;
    csv_free(&c->parser);
    buf_free(&c->text);
    free(c->ends);
    free(c);
}

table_t *table_csv(const source_options_t *o, bool header, tally_t *tally)
{
    enum { GROWTH = 1 << 12 };
    csv_t *c = NEW(csv_t);
    table_t *t = &c->base;
    t->next = csv_next;
    t->close = csv_close;
    t->list_separator = o->list_separator ? o->list_separator : "|";
    if (csv_init(&c->parser, 0)) die(EX_OSERR, "out of memory");
    csv_set_delim(&c->parser, (unsigned char)(o->delimiter ? o->delimiter : ','));
    csv_set_term_func(&c->parser, ends_row);
    csv_set_blk_size(&c->parser, GROWTH);
    t->source = source_open(o, tally);
    if (!read_row(c)) die_at(t->source.lines.name, 0, "is empty, expected %s", header ? "a header line" : "rows of cells");
    set_columns(t, c->count);
    set_cells(c);
    if (header) take_header(t);
    t->first_is_row = !header;
    return t;
}

/* --- RecBole ------------------------------------------------------------------------------------------------------------ */

/* Reads the next line that is not empty; false at the end. */
static bool full_line(table_t *t, const char **line, size_t *n)
{
    do {
        if (!next_line(t, line, n)) return false;
        t->line = t->source.lines.number;
    } while (!*n);
    return true;
}

static bool recbole_next(table_t *t, int *cells)
{
    const char *line;
    size_t n;
    if (!full_line(t, &line, &n)) return false;
    *cells = split(t, line, n, '\t');
    return true;
}

static void recbole_close(table_t *t) { free(t); }

/* Takes the type off a column's name. */
static void take_type(table_t *t, table_cell_t *c)
{
    static const char *const types[] = {"token", "token_seq", "float", "float_seq"};
    const char *colon = memrchr(c->s, ':', c->len);
    size_t name = colon ? (size_t)(colon - c->s) : c->len, n = colon ? c->len - name - 1 : 0;
    for (int i = 0; colon && i < 4; i++) {
        if (strlen(types[i]) != n || memcmp(types[i], colon + 1, n) != 0) continue;
        c->len = name;
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
    t->list_separator = o->list_separator ? o->list_separator : " ";
    t->source = source_open(o, tally);
    const char *line;
    size_t n;
    if (!full_line(t, &line, &n)) die_at(t->source.lines.name, 0, "is empty, expected a header line");
    set_columns(t, split(t, line, n, '\t'));
    split(t, line, n, '\t');
    for (int i = 0; i < t->columns; i++) take_type(t, &t->cells[i]);
    take_header(t);
    return t;
}
