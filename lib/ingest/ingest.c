#include "ingest/ingest.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "ingest/ingest_core.h"
#include "ingest/ingest_group.h"
#include "ingest/ingest_take.h"

struct ingest {
    ingest_known_t known;
    int64_t partition;
    bool order_only;
    strtab_t users;
    ingest_tidy_t tidy;
    ingest_core_t core;
    bool *keep_item;      /* [items->count] */
    ingest_report_t report;
};

ingest_t *ingest_open(const ingest_filter_t *f, const strtab_t *items, const uint8_t *evidence)
{
    if (items->count > INT32_MAX) die(EX_DATAERR, "more than %d items", INT32_MAX);
    ingest_t *g = NEW(ingest_t);
    *g = (ingest_t){.known = {f, items, evidence}, .partition = f->partition ? f->partition : INGEST_PARTITION};
    g->keep_item = NEW_ARRAY(bool, items->count);
    for (int64_t i = 0; i < items->count; i++) g->keep_item[i] = !f->require_image || (evidence[i] & 1 << HAS_IMAGE);
    return g;
}

/* Adds a row for what is left now. */
static void add_core_step(ingest_t *g, const char *filter)
{
    const ingest_core_t *c = &g->core;
    ingest_step_t *step = ingest_report_step(&g->report, filter);
    step->interactions = c->item->count;
    for (int64_t u = 0; u < c->users; u++) step->users += c->left[u] > 0;
    for (int64_t i = 0; i < c->items; i++) {
        if (!c->degree[i]) continue;
        step->items++;
        for (int k = 0; k < COVERAGE_KINDS; k++) step->with[k] += g->known.evidence[i] >> k & 1;
    }
}

static void describe_rest(ingest_t *g)
{
    const ingest_core_t *c = &g->core;
    ingest_report_t *r = &g->report;
    r->history[1] = quantiles_of(c->left, c->users, sizeof *c->left);
    r->popularity[1] = quantiles_of(c->degree, c->items, sizeof *c->degree);
    r->short_users = 0;
    for (int64_t u = 0; u < c->users; u++) r->short_users += c->left[u] > 0 && c->left[u] < 3;
}

void ingest_read(ingest_t *g, event_source_t *s)
{
    const ingest_filter_t *f = g->known.filter;
    ingest_grouped_t found;
    ingest_taken_t t = ingest_take(&g->known, s, &g->report);
    g->users = t.users;
    g->order_only = s->order_only;
    g->tidy = ingest_group(&t.events, t.length, t.users.count,
                           &(ingest_grouping_t){f->max_items, g->partition, f->ties, g->known.items}, &found);
    g->report.ties = found.ties;
    g->core = ingest_core_open(&g->tidy, g->users.count, g->known.items->count);
    ingest_step_t before = g->report.steps[g->report.count - 1], *step = ingest_report_step(&g->report, "duplicate");
    *step = before; /* a duplicate takes no user and no item with it */
    step->filter = "duplicate";
    step->interactions -= found.duplicates;
    if (f->max_items) add_core_step(g, "beyond_max");
    describe_rest(g);
}

void ingest_core(ingest_t *g)
{
    if (g->known.filter->kcore > 0) {
        ingest_core_reduce(&g->core, g->known.filter->kcore, g->partition);
        add_core_step(g, "kcore");
        for (int64_t i = 0; i < g->known.items->count; i++) g->keep_item[i] = g->core.degree[i] > 0;
    }
    describe_rest(g);
}

void ingest_drop_items(ingest_t *g, const char *filter, const bool *gone)
{
    for (int64_t i = 0; i < g->known.items->count; i++) {
        if (!gone[i]) continue;
        g->keep_item[i] = false;
        g->core.degree[i] = 0;
    }
    ingest_core_sweep(&g->core);
    add_core_step(g, filter);
    ingest_core(g);
}

const bool *ingest_items(const ingest_t *g) { return g->keep_item; }
const ingest_report_t *ingest_report(const ingest_t *g) { return &g->report; }

/* Numbers the kept items anew, and copies their ids. */
static int32_t *number_items(const ingest_t *g, ingest_result_t *x)
{
    int32_t *row = NEW_ARRAY(int32_t, g->known.items->count);
    for (int64_t i = 0; i < g->known.items->count; i++) {
        if (!g->keep_item[i]) continue;
        size_t n;
        const char *id = strtab_get(g->known.items, i, &n);
        strtab_add(&x->item_ids, id, n);
        row[i] = (int32_t)x->items++;
    }
    return row;
}

/* Copies the tidy interactions whose user and item are left. */
static void put_kept(const ingest_t *g, const int32_t *row, ingest_result_t *x)
{
    spool_reader_t items = spool_reader(&g->tidy.item), times = spool_reader(&g->tidy.time);
    for (int64_t u = 0; u < g->users.count; u++) {
        uint32_t n = g->tidy.length[u];
        const int32_t *item = spool_next(&items, n);
        const int64_t *time = spool_next(&times, n);
        if (!g->core.left[u]) continue;
        for (uint32_t i = 0; i < n; i++) {
            if (!g->core.degree[item[i]]) continue;
            SPOOL_ADD(&x->item_index, int32_t, row[item[i]]);
            SPOOL_ADD(&x->timestamp, int64_t, time[i]);
        }
        x->user_offsets[++x->users] = x->item_index.count;
    }
    x->events = x->item_index.count;
    spool_done(&x->item_index);
    spool_done(&x->timestamp);
    spool_reader_free(&items);
    spool_reader_free(&times);
}

/* Keeps the ids of the users that are left; the table of all of them goes. */
static strtab_t take_users(ingest_t *g)
{
    bool *keep = NEW_ARRAY(bool, g->users.count);
    for (int64_t u = 0; u < g->users.count; u++) keep[u] = g->core.left[u] > 0;
    strtab_keep(&g->users, keep);
    free(keep);
    strtab_t users = g->users;
    g->users = (strtab_t){0};
    return users;
}

ingest_result_t ingest_result(ingest_t *g)
{
    const ingest_step_t *last = &g->report.steps[g->report.count - 1];
    ingest_result_t x = {.item_index = spool_open(sizeof(int32_t)), .timestamp = spool_open(sizeof(int64_t))};
    x.user_offsets = NEW_ARRAY(int64_t, last->users + 1);
    x.order_only = g->order_only;
    int32_t *row = number_items(g, &x);
    put_kept(g, row, &x);
    free(row);
    spool_close(&g->tidy.item);
    spool_close(&g->tidy.time);
    x.user_ids = take_users(g);
    return x;
}

void ingest_close(ingest_t *g)
{
    ingest_core_close(&g->core);
    spool_close(&g->tidy.item);
    spool_close(&g->tidy.time);
    free(g->tidy.length);
    strtab_free(&g->users);
    free(g->keep_item);
    free(g);
}
