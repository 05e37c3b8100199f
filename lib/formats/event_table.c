#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "formats/columns.h"
#include "formats/event_history.h"
#include "formats/id_list.h"
#include "formats/table.h"
#include "formats/tables.h"
#include "formats/when.h"

typedef struct {
    event_source_t base;
    table_t *table;
    int at[EVENT_ROLES];   /* columns, -1: none */
    const char *list_separator;
    event_history_t *histories;   /* where rows hold lists of items, else NULL */
    id_list_t list;
    bool rating;
    const char *time_format;
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
                                             : when_parse_as(s->time_format, time.s, time.len, s->ticks, &e->time);
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

/* Adds an item to the history of the row. */
static bool add_item(event_rows_t *s, table_cell_t item)
{
    if (!is_id(s->table, item, "item")) return false;
    event_history_add(s->histories, item.s, item.len);
    return true;
}

/* Takes a row that holds a list, and behind it the item that follows, if there is one: a user's history, or, where rows do not say
 * whose they are, that of a user of its own. */
static bool take_list(event_rows_t *s)
{
    table_t *t = s->table;
    char number[24];
    table_cell_t user = {number, (size_t)snprintf(number, sizeof number, "%lld", t->line)};
    if (s->at[EVENT_USER] >= 0) user = t->cells[s->at[EVENT_USER]];
    const table_cell_t list = t->cells[s->at[EVENT_ITEMS]];
    if (!is_id(t, user, "user")) return false;
    event_history_start(s->histories, user.s, user.len);
    id_list_start(&s->list, list.s, list.len, s->list_separator);
    for (table_cell_t item; id_list_next(&s->list, &item.s, &item.len);)
        if (!add_item(s, item)) return false;
    if (s->list.why) table_bad_row(t, "the list of items %s", s->list.why);
    if (s->list.why || (s->at[EVENT_ITEM] >= 0 && !add_item(s, t->cells[s->at[EVENT_ITEM]]))) return false;
    event_history_fold(s->histories);
    return true;
}

static bool events_next(event_source_t *base, event_t *e)
{
    event_rows_t *s = (event_rows_t *)base;
    if (s->histories && event_history_next(s->histories, e)) return true;
    while (table_next(s->table))
        if (s->histories ? take_list(s) && event_history_next(s->histories, e) : take_row(s, e)) return true;
    return false;
}

static char *events_digest(const event_source_t *base)
{
    return in_digest_hex(&((const event_rows_t *)base)->table->source.lines);
}

static void events_close(event_source_t *base)
{
    event_rows_t *s = (event_rows_t *)base;
    table_free(s->table);
    event_history_free(s->histories);
    id_list_free(&s->list);
    free(s);
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

/* Finds the columns of the roles. */
static void find_columns(event_rows_t *s, const columns_t *c)
{
    const table_t *t = s->table;
    const char *file = t->source.lines.name;
    if (c->numbered) columns_find_numbered(c, t->columns, file, t->line, s->at);
    const int missing = c->numbered ? -1 : columns_match_events(c, &t->header, t->sequence, s->at);
    if (missing >= 0) columns_missing(c, missing, &t->header, file, t->line);
    if (s->rating && s->at[EVENT_RATING] < 0) columns_missing(c, EVENT_RATING, &t->header, file, t->line);
}

/* Says which columns have no role, and that rows are users where that is so. */
static void note_columns(const event_rows_t *s)
{
    const table_t *t = s->table;
    const char *file = t->source.lines.name;
    strtab_t unused = {0};
    for (int i = 0; i < t->columns; i++) {
        int r = 0;
        while (r < EVENT_ROLES && s->at[r] != i) r++;
        if (r == EVENT_ROLES) table_add_name(t, i, &unused);
    }
    columns_note_unused(file, "columns", &unused);
    if (s->at[EVENT_USER] < 0) note("%s: no column for the user: each row is the history of one of its own", file);
    strtab_free(&unused);
}

static event_source_t *open_events(table_t *(*open)(const source_options_t *, bool, tally_t *), const source_options_t *o,
                                   const char *list_separator)
{
    event_rows_t *s = NEW(event_rows_t);
    columns_t c = columns_parse(event_roles, EVENT_ROLES, o->columns, "--columns");
    columns_check_events(&c, "--columns");
    s->base = (event_source_t){.next = events_next, .digest = events_digest, .close = events_close};
    s->table = open(o, !c.numbered, &s->base.tally);
    s->rating = o->rating;
    find_columns(s, &c);
    note_columns(s);
    for (int r = 0; r < EVENT_ROLES; r++) table_exact(s->table, s->at[r]);
    if (s->at[EVENT_ITEMS] >= 0) s->histories = event_history_new();
    s->list_separator = o->list_separator ? o->list_separator : list_separator;
    s->time_format = o->time_format;
    s->ticks = o->ticks ? o->ticks : 1;
    s->base.order_only = only_order(s);
    columns_free(&c);
    return &s->base;
}

event_source_t *event_source_csv(const source_options_t *o) { return open_events(table_csv, o, NULL); }
event_source_t *event_source_tsv_table(const source_options_t *o) { return open_events(table_tsv, o, NULL); }
event_source_t *event_source_recbole(const source_options_t *o) { return open_events(table_recbole, o, " "); }
