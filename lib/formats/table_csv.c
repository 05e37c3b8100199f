/* Rows of comma-separated values. A small automaton of our own: libcsv, which Debian has, takes what stands behind a closing quote
 * for a part of the cell, and with that the next lines; it knows delimiters of one byte only, and cannot go back. */
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "formats/table.h"

#define TOO_LONG "row longer than 64 MiB; is a quoted cell not closed?"   /* SOURCE_MAX_LINE */

typedef struct {
    table_t base;
    const char *delimiter;
    size_t width;          /* of the delimiter, in bytes */
    bool quotes;
    buf_t raw;             /* the row's lines, and behind them lines that were read for it but do not belong to it */
    size_t start, stop;    /* the row within `raw` */
    size_t at;             /* how far it has been cut */
    long long given_back;  /* lines behind it */
    bool open, quoted;     /* within a quoted cell; there was one */
    buf_t text;            /* the cells, each followed by a blank */
    size_t *ends;          /* [count] where they end in `text` */
    int count, cap;        /* cells so far; of those beyond the columns only the number is kept */
    bool spans;            /* the cells are spans of a line, and stand in base.cells */
} csv_t;

static bool is_blank(char c) { return c == ' ' || c == '\t'; }

static bool at_delimiter(const csv_t *c, const char *s, const char *end)
{
    return (size_t)(end - s) >= c->width && !memcmp(s, c->delimiter, c->width);
}

/* The next delimiter, or `end`. */
static const char *find_delimiter(const csv_t *c, const char *s, const char *end)
{
    const size_t n = (size_t)(end - s);
    const char *found = c->width == 1 ? memchr(s, *c->delimiter, n) : memmem(s, n, c->delimiter, c->width);
    return found ? found : end;
}

static const char *skip_blanks(const csv_t *c, const char *s, const char *end)
{
    while (s < end && is_blank(*s) && !at_delimiter(c, s, end)) s++;
    return s;
}

/* A span without the blanks around it. */
static table_cell_t trimmed(const csv_t *c, const char *s, const char *end)
{
    s = skip_blanks(c, s, end);
    while (s < end && is_blank(end[-1]) && !at_delimiter(c, end - 1, end)) end--;
    return (table_cell_t){s, (size_t)(end - s)};
}

/* Cuts a line without quotes into spans, which is some times faster than what quotes need; false for a blank line. */
static bool cut_spans(csv_t *c, const char *line, size_t n)
{
    table_t *t = &c->base;
    const char *end = line + n;
    c->count = 0;
    for (const char *s = line, *stop;; s = stop + c->width) {
        stop = find_delimiter(c, s, end);
        if (c->count < t->columns) t->cells[c->count] = trimmed(c, s, stop);
        c->count++;
        if (stop == end) break;
    }
    c->spans = true;
    return c->count > 1 || t->cells[0].len;
}

/* --- Rows with quotes --------------------------------------------------------------------------------------------------- */

static void end_cell(csv_t *c)
{
    const int most = c->base.columns ? c->base.columns : TABLE_MAX_COLUMNS;
    if (c->count < most) {
        GROW(c->ends, c->count, c->cap);
        c->ends[c->count] = c->text.len;
        buf_add(&c->text, " ", 1);
    } else {
        buf_clear(&c->text);   /* a row with too many cells is refused: its text is of no use */
    }
    if (c->count <= TABLE_MAX_COLUMNS) c->count++;
}

/* What became of a row: cut to its end; a quoted cell is open at the end of the line; text stands behind a closing quote. */
typedef enum { ENDED, OPEN, BROKEN } cut_t;

/* Adds the quoted cell's text from *s on, which moves behind what ends it. */
static cut_t cut_quoted(csv_t *c, const char **s, const char *end)
{
    for (const char *quote;; *s = quote + 2) {
        quote = memchr(*s, '"', (size_t)(end - *s));
        buf_add(&c->text, *s, (size_t)((quote ? quote : end) - *s));
        if (!quote) return OPEN;
        if (quote + 1 == end || quote[1] != '"') {
            *s = skip_blanks(c, quote + 1, end);
            return *s == end || at_delimiter(c, *s, end) ? ENDED : BROKEN;
        }
        buf_add(&c->text, "\"", 1);
    }
}

/* Cuts what has come of the row, from c->at on. */
static cut_t cut(csv_t *c)
{
    const char *s = c->raw.data + c->at, *end = c->raw.data + c->stop;
    for (;; s += c->width) {
        const char *text = c->open ? s : skip_blanks(c, s, end);
        if (c->open || (c->quotes && text < end && *text == '"')) {
            s = c->open ? s : text + 1;
            c->quoted = true;
            const cut_t how = cut_quoted(c, &s, end);
            c->open = how == OPEN;
            c->at = c->stop;
            if (how != ENDED) return how;
        } else {
            const char *stop = find_delimiter(c, s, end);
            const table_cell_t cell = trimmed(c, s, stop);
            buf_add(&c->text, cell.s, cell.len);
            s = stop;
        }
        end_cell(c);
        if (s == end) return ENDED;
    }
}

static void add_current(csv_t *c)
{
    const lines_t *l = &c->base.source.lines;
    buf_add(&c->raw, l->line, l->len);
    c->stop = c->raw.len;
}

static void add_given_back(csv_t *c)
{
    const char *stop = memchr(c->raw.data + c->stop, '\n', c->raw.len - c->stop);
    c->stop = stop ? (size_t)(stop - c->raw.data) : c->raw.len;
    c->given_back--;
}

/* Adds another line to the row: one that was given back, or the file's next; false at the end of the file. */
static bool add_line(csv_t *c)
{
    if (c->given_back) {
        c->stop++;
        add_given_back(c);
        return true;
    }
    if (!in_next(&c->base.source.lines)) return false;
    buf_add(&c->raw, "\n", 1);
    add_current(c);
    return true;
}

/* Goes behind the row before. What was given back goes when all of it has been read again. */
static void start_row(csv_t *c)
{
    c->count = 0;
    c->open = c->quoted = c->spans = false;
    c->base.line += c->base.lines;
    c->base.lines = 1;
    buf_clear(&c->text);
    if (c->given_back) {
        c->stop++;
    } else {
        buf_clear(&c->raw);
        c->stop = 0;
    }
    c->start = c->at = c->stop;
}

/* Refuses the row's first line, and gives the others back. */
static void give_back(csv_t *c, const char *why)
{
    table_t *t = &c->base;
    const char *first = c->raw.data + c->start, *stop = memchr(first, '\n', c->stop - c->start);
    if (stop) c->stop = (size_t)(stop - c->raw.data);
    c->given_back += t->lines - 1;
    t->lines = 1;
    table_bad_row(t, "%s", why);
}

/* Cuts the row that starts with the line just added; false where it is none. */
static bool cut_row(csv_t *c)
{
    table_t *t = &c->base;
    bool fits = true;
    cut_t how;
    while ((how = cut(c)) == OPEN && (fits = c->stop - c->start <= SOURCE_MAX_LINE) && add_line(c)) t->lines++;
    if (how == ENDED) return true;
    if (how == BROKEN) give_back(c, "text behind a closing quote, where a delimiter was expected; --quote none takes quotes for text");
    else if (fits) give_back(c, "a quoted cell of the row is not closed at the end of the file");
    else give_back(c, TOO_LONG);
    return false;
}

/* Puts the cells that stand in `text` where they belong. */
static void set_cells(csv_t *c)
{
    size_t start = 0;
    for (int i = 0; i < c->count && i < c->base.columns; start = c->ends[i++] + 1)
        c->base.cells[i] = (table_cell_t){c->text.data + start, c->ends[i] - start};
}

/* Tells whether the file's current line can be cut into spans. */
static bool is_plain(const csv_t *c)
{
    const lines_t *l = &c->base.source.lines;
    return c->base.columns && !(c->quotes && memchr(l->line, '"', l->len));
}

/* The next row with anything in it; false at the end. */
static bool read_row(csv_t *c)
{
    lines_t *l = &c->base.source.lines;
    for (;;) {
        start_row(c);
        if (c->given_back) {
            add_given_back(c);
        } else {
            if (!in_next(l)) return false;
            if (is_plain(c) && cut_spans(c, l->line, l->len)) return true;
            if (c->spans) continue;
            add_current(c);
        }
        if (cut_row(c) && (c->quoted || c->count > 1 || c->ends[0])) break;
    }
    set_cells(c);
    return true;
}

static bool csv_next(table_t *t, int *cells)
{
    csv_t *c = (csv_t *)t;
    if (!t->first_is_row && !read_row(c)) return false;
    t->first_is_row = false;
    *cells = c->count;
    return true;
}

static void csv_close(table_t *t)
{
    csv_t *c = (csv_t *)t;
    buf_free(&c->raw);
    buf_free(&c->text);
    free(c->ends);
    free(c);
}

/* By default, cells are quoted where programs that write such files do it. */
static bool has_quotes(const char *quote, const char *delimiter)
{
    const bool usual = strlen(delimiter) == 1 && *delimiter != '\t';
    return quote && strcmp(quote, "auto") != 0 ? !strcmp(quote, "double") : usual;
}

static table_t *open_table(const source_options_t *o, bool header, tally_t *tally, const char *delimiter)
{
    csv_t *c = NEW(csv_t);
    table_t *t = &c->base;
    t->next = csv_next;
    t->close = csv_close;
    t->line = 1;
    t->list_separator = o->list_separator;
    t->mend = o->mend;
    c->delimiter = o->delimiter ? o->delimiter : delimiter;
    c->width = strlen(c->delimiter);
    c->quotes = has_quotes(o->quote, c->delimiter);
    t->source = source_open(o, tally);
    if (!read_row(c)) die_at(t->source.lines.name, 0, "is empty, expected %s", header ? "a header line" : "rows of cells");
    table_set_columns(t, c->count);
    set_cells(c);
    if (header) table_take_header(t);
    t->first_is_row = !header;
    return t;
}

table_t *table_csv(const source_options_t *o, bool header, tally_t *tally) { return open_table(o, header, tally, ","); }
table_t *table_tsv(const source_options_t *o, bool header, tally_t *tally) { return open_table(o, header, tally, "\t"); }
