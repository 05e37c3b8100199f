#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "formats/cells.h"
#include "formats/columns.h"
#include "formats/event_source.h"
#include "formats/when.h"

enum { COL_USER, COL_ITEM, COL_TIMESTAMP, COL_ORDER, COL_RATING, COLS };

static const char *const col_names[COLS] = {"user", "item", "timestamp", "order", "rating"};

typedef struct {
    event_source_t base;
    source_lines_t source;
    int fields;             /* columns in the header */
    int *known;             /* [fields] which COL_ a field is, -1: passed over */
    int time;               /* COL_TIMESTAMP or COL_ORDER */
    bool has[COLS];
    bool rating, mend;
    strtab_t unused;        /* the names of the others */
} tsv_t;

static bool field_is(cell_t f, const char *name) { return f.len == strlen(name) && !memcmp(f.s, name, f.len); }

static void add_column(tsv_t *t, cell_t f)
{
    int col = -1;
    for (int c = 0; c < COLS; c++)
        if (field_is(f, col_names[c])) col = c;
    if (col >= 0 && t->has[col]) die_at(t->source.lines.name, 1, "column \"%s\" is there twice, expected once", col_names[col]);
    if (col >= 0) t->has[col] = true;
    t->known = xreallocarray(t->known, (size_t)t->fields + 1, sizeof *t->known);
    t->known[t->fields++] = col;
    if (col < 0) strtab_add(&t->unused, f.len ? f.s : "", f.len);
}

static void need_column(const tsv_t *t, bool there, const char *what)
{
    if (!there)
        die_at(t->source.lines.name, 1, "no column %s, expected a header of tab-separated names: user, item, timestamp or order", what);
}

static void read_header(tsv_t *t)
{
    lines_t *l = &t->source.lines;
    if (!in_next(l)) die_at(l->name, 0, "is empty, expected a header line: user, item, timestamp or order");
    if (!utf8_valid(l->line, l->len)) die_at(l->name, 1, "%s", source_no_utf8(&t->source));
    const char *at = l->line, *end = l->line + l->len;
    for (cell_t f; cell_next(&at, end, '\t', &f);) add_column(t, f);
    need_column(t, t->has[COL_USER], "\"user\"");
    need_column(t, t->has[COL_ITEM], "\"item\"");
    need_column(t, t->has[COL_TIMESTAMP] || t->has[COL_ORDER], "\"timestamp\" or \"order\"");
    if (t->rating && !t->has[COL_RATING]) die_at(l->name, 1, "no column \"rating\", expected one because of --min-rating");
    t->time = t->has[COL_TIMESTAMP] ? COL_TIMESTAMP : COL_ORDER;
}

static bool is_id(tsv_t *t, cell_t f, const char *what)
{
    if (!f.len) source_bad_line(&t->source, "%s is empty, expected an id", what);
    else if (memchr(f.s, '\r', f.len)) source_bad_line(&t->source, "%s holds a carriage return, expected an id without", what);
    else return true;
    return false;
}

static bool parse_time(tsv_t *t, cell_t f, int64_t *time)
{
    if (integer_parse(f.s, f.len, time)) return true;
    source_bad_line(&t->source, "%s \"%.*s\", expected a whole number of 64 bits", col_names[t->time], (int)f.len, f.s);
    return false;
}

static bool parse_rating(tsv_t *t, cell_t f, double *rating)
{
    if (decimal_parse(f.s, f.len, rating)) return true;
    source_bad_line(&t->source, "rating \"%.*s\", expected a number", (int)f.len, f.s);
    return false;
}

static bool split_line(tsv_t *t, cell_t values[COLS])
{
    const char *at = t->source.lines.line, *end = at + t->source.lines.len;
    int n = 0;
    for (cell_t f; cell_next(&at, end, '\t', &f); n++)
        if (n < t->fields && t->known[n] >= 0) values[t->known[n]] = f;
    if (n == t->fields) return true;
    source_bad_line(&t->source, "%d field%s, expected %d as in the header", n, n == 1 ? "" : "s", t->fields);
    return false;
}

/* Looks at the whole line, or, where the rest may be mended, at the ids, as times and ratings are numbers. */
static bool is_text(tsv_t *t, const cell_t f[COLS])
{
    const lines_t *l = &t->source.lines;
    const cell_t user = f[COL_USER], item = f[COL_ITEM];
    if (t->mend ? utf8_valid(user.s, user.len) && utf8_valid(item.s, item.len) : utf8_valid(l->line, l->len)) return true;
    char *why = source_no_utf8(&t->source);
    source_bad_line(&t->source, "%s", why);
    free(why);
    return false;
}

static bool parse_line(tsv_t *t, event_t *e)
{
    cell_t f[COLS];
    *e = (event_t){0};
    if (!split_line(t, f) || !is_text(t, f) || !is_id(t, f[COL_USER], "user") || !is_id(t, f[COL_ITEM], "item") || !parse_time(t, f[t->time], &e->time) ||
        (t->rating && !parse_rating(t, f[COL_RATING], &e->rating)))
        return false;
    e->user = f[COL_USER].s;
    e->user_len = f[COL_USER].len;
    e->item = f[COL_ITEM].s;
    e->item_len = f[COL_ITEM].len;
    return true;
}

static bool tsv_next(event_source_t *s, event_t *e)
{
    tsv_t *t = (tsv_t *)s;
    do {
        if (!in_next(&t->source.lines)) return false;
    } while (!t->source.lines.len || !parse_line(t, e));
    return true;
}

static char *tsv_digest(const event_source_t *s) { return in_digest_hex(&((const tsv_t *)s)->source.lines); }

static void tsv_close(event_source_t *s)
{
    tsv_t *t = (tsv_t *)s;
    source_close(&t->source);
    free(t->known);
    free(t);
}

event_source_t *event_source_tsv(const source_options_t *o)
{
    tsv_t *t = NEW(tsv_t);
    t->base = (event_source_t){.next = tsv_next, .digest = tsv_digest, .close = tsv_close};
    t->rating = o->rating;
    t->mend = o->mend;
    t->source = source_open(o, &t->base.tally);
    read_header(t);
    columns_note_unused(t->source.lines.name, "columns", &t->unused);
    strtab_free(&t->unused);
    t->base.order_only = t->time == COL_ORDER;
    return &t->base;
}
