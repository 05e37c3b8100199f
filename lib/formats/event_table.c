#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "formats/columns.h"
#include "formats/table.h"
#include "formats/tables.h"
#include "formats/when.h"

typedef struct {
    event_source_t base;
    table_t *table;
    int at[EVENT_ROLES];   /* columns, -1: none */
    bool rating;
    int64_t ticks, row;
} event_rows_t;

static bool is_id(table_t *t, table_cell_t c, const char *what)
{
    if (!c.len) table_bad_row(t, "%s is empty, expected an id", what);
    else if (!table_is_id(c.s, c.len)) table_bad_row(t, "%s holds a tab or a line break, expected an id without", what);
    else return true;
    return false;
}

static bool take_row(event_rows_t *s, event_t *e)
{
    table_t *t = s->table;
    table_cell_t user = t->cells[s->at[EVENT_USER]], item = t->cells[s->at[EVENT_ITEM]];
    *e = (event_t){user.s, item.s, user.len, item.len, s->row, 0};
    if (!is_id(t, user, "user") || !is_id(t, item, "item")) return false;
    if (s->at[EVENT_TIME] >= 0) {
        table_cell_t time = t->cells[s->at[EVENT_TIME]];
        const char *why = s->base.order_only ? order_parse(time.s, time.len, &e->time)
                                             : when_parse(time.s, time.len, s->ticks, &e->time);
        const char *what = s->base.order_only ? "order" : "time";
        if (why) table_bad_row(t, "%s \"%.*s\" %s", what, time.len < 60 ? (int)time.len : 60, time.s, why);
        if (why) return false;
    }
    if (s->rating) {
        table_cell_t rating = t->cells[s->at[EVENT_RATING]];
        bool good = decimal_parse(rating.s, rating.len, &e->rating);
        if (!good) table_bad_row(t, "rating \"%.*s\", expected a number", rating.len < 60 ? (int)rating.len : 60, rating.s);
        if (!good) return false;
    }
    s->row++;
    return true;
}

static bool events_next(event_source_t *base, event_t *e)
{
    event_rows_t *s = (event_rows_t *)base;
    while (table_next(s->table))
        if (take_row(s, e)) return true;
    return false;
}

static char *events_digest(const event_source_t *base)
{
    return in_digest_hex(&((const event_rows_t *)base)->table->source.lines);
}

static void events_close(event_source_t *base)
{
    table_free(((event_rows_t *)base)->table);
    free(base);
}

/* Tells whether there are only positions: in a column "order", or, without a time at all, those of the rows. */
static bool only_order(const event_rows_t *s)
{
    int time = s->at[EVENT_TIME];
    if (time < 0 || !s->table->header.count) return time < 0;
    size_t n;
    const char *name = strtab_get(&s->table->header, time, &n);
    return columns_is_order(name, n);
}

static event_source_t *open_events(table_t *(*open)(const source_options_t *, bool, tally_t *), const source_options_t *o)
{
    event_rows_t *s = NEW(event_rows_t);
    columns_t c = columns_parse(event_roles, EVENT_ROLES, o->columns, "--columns");
    s->base = (event_source_t){.next = events_next, .digest = events_digest, .close = events_close};
    s->table = open(o, !c.numbered, &s->base.tally);
    const char *file = s->table->source.lines.name;
    if (c.numbered) columns_find_numbered(&c, s->table->columns, file, s->table->line, s->at);
    else columns_find(&c, &s->table->header, file, s->table->line, s->at);
    if (o->rating && s->at[EVENT_RATING] < 0) columns_missing(&c, EVENT_RATING, &s->table->header, file, s->table->line);
    for (int r = 0; r < EVENT_ROLES; r++) table_exact(s->table, s->at[r]);
    s->rating = o->rating;
    s->ticks = o->ticks ? o->ticks : 1;
    s->base.order_only = only_order(s);
    columns_free(&c);
    return &s->base;
}

event_source_t *event_source_csv(const source_options_t *o) { return open_events(table_csv, o); }
event_source_t *event_source_tsv_table(const source_options_t *o) { return open_events(table_tsv, o); }
event_source_t *event_source_recbole(const source_options_t *o) { return open_events(table_recbole, o); }
