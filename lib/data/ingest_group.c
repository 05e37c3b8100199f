/* Interactions in the order of users, chronological, without duplicates. Those of a range of users at a time are brought into
 * order in memory; the ranges are cut so that each holds about `partition` of them. */
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/progress.h"
#include "data/ingest_parts.h"

/* An interaction within its user's history; `position` is its place among the user's in the source. */
typedef struct {
    int64_t time;
    int32_t item;
    uint32_t position;
} visit_t;

/* Users [user[p], user[p + 1]) have the interactions [first[p], first[p + 1]). */
typedef struct {
    int64_t count, cap, first_cap;
    int64_t *user, *first;   /* [count + 1] */
} ranges_t;

static void cut(ranges_t *r, int64_t user, int64_t first)
{
    GROW(r->user, r->count, r->cap);
    GROW(r->first, r->count, r->first_cap);
    r->user[r->count] = user;
    r->first[r->count++] = first;
}

static ranges_t cut_ranges(const uint32_t *length, int64_t users, int64_t partition)
{
    ranges_t r = {0};
    int64_t total = 0;
    cut(&r, 0, 0);
    for (int64_t u = 0; u < users; u++) {
        if (total > r.first[r.count - 1] && total + length[u] - r.first[r.count - 1] > partition) cut(&r, u, total);
        total += length[u];
    }
    cut(&r, users, total);
    r.count--;
    return r;
}

static int64_t find_range(const ranges_t *r, int64_t user)
{
    int64_t low = 0, high = r->count;
    while (high - low > 1) {
        int64_t middle = low + (high - low) / 2;
        if (r->user[middle] <= user) low = middle;
        else high = middle;
    }
    return low;
}

enum { BUFFER = 4096 };

typedef struct {
    ingest_event_t *waiting;   /* [BUFFER] */
    int64_t count, next;       /* how many wait, and where the first belongs */
} outlet_t;

static void flush(outlet_t *o, spool_t *to)
{
    spool_set(to, o->next, o->count, o->waiting);
    o->next += o->count;
    o->count = 0;
}

/* The interactions of each range together, in the source's order. */
static spool_t distribute(const spool_t *events, const ranges_t *r)
{
    spool_t to = spool_open(sizeof(ingest_event_t));
    spool_resize(&to, events->count);
    outlet_t *outlets = NEW_ARRAY(outlet_t, r->count);
    for (int64_t p = 0; p < r->count; p++) {
        outlets[p].next = r->first[p];
        outlets[p].waiting = xmalloc(BUFFER * sizeof(ingest_event_t));
    }
    spool_reader_t in = spool_reader(events);
    progress_start("sorting", "interactions", events->count);
    for (int64_t done = 0, n; done < events->count; done += n) {
        n = events->count - done < SPOOL_CHUNK ? events->count - done : SPOOL_CHUNK;
        const ingest_event_t *e = spool_next(&in, n);
        for (int64_t i = 0; i < n; i++) {
            outlet_t *o = &outlets[find_range(r, e[i].user)];
            o->waiting[o->count++] = e[i];
            if (o->count == BUFFER) flush(o, &to);
        }
        progress_add(n);
    }
    progress_end();
    for (int64_t p = 0; p < r->count; p++) {
        flush(&outlets[p], &to);
        free(outlets[p].waiting);
    }
    free(outlets);
    spool_reader_free(&in);
    return to;
}

static int order(int64_t a, int64_t b) { return (a > b) - (a < b); }

static int by_time(const void *pa, const void *pb)
{
    const visit_t *a = pa, *b = pb;
    int by = order(a->time, b->time);
    return by ? by : order(a->position, b->position);
}

static int by_time_and_item(const void *pa, const void *pb)
{
    const visit_t *a = pa, *b = pb;
    int by = order(a->time, b->time);
    if (!by) by = order(a->item, b->item);
    return by ? by : order(a->position, b->position);
}

/* Sorts one history by time and drops duplicates, of which the first in the source stays; returns how many are left. */
static int64_t tidy(visit_t *v, int64_t n)
{
    bool tidy_already = true;
    for (int64_t i = 1; i < n && tidy_already; i++) tidy_already = v[i - 1].time < v[i].time;
    if (tidy_already) return n;
    qsort(v, (size_t)n, sizeof *v, by_time_and_item);
    int64_t left = 0;
    for (int64_t i = 0; i < n; i++)
        if (!left || v[left - 1].time != v[i].time || v[left - 1].item != v[i].item) v[left++] = v[i];
    qsort(v, (size_t)left, sizeof *v, by_time);
    return left;
}

typedef struct {
    const ingest_filter_t *filter;
    ingest_tidy_t out;
    int64_t duplicates, beyond;
} group_t;

/* Writes what stays of a user's visits; returns how many. */
static uint32_t put_history(group_t *g, visit_t *v, int64_t n)
{
    int64_t max = g->filter->max_items, left = tidy(v, n), skip = max && left > max ? left - max : 0;
    g->duplicates += n - left;
    g->beyond += skip;
    for (int64_t i = skip; i < left; i++) {
        spool_put(&g->out.item, &v[i].item, 1);
        spool_put(&g->out.time, &v[i].time, 1);
    }
    return (uint32_t)(left - skip);
}

/* The visits of the users [first, end), `start`[u - first] where user u's begin, from their interactions. */
static visit_t *visits_of(const ingest_event_t *events, int64_t n, int64_t first, const int64_t *start, int64_t users)
{
    visit_t *visits = xmalloc(size_mul((size_t)n, sizeof *visits));
    uint32_t *have = NEW_ARRAY(uint32_t, users);
    for (int64_t e = 0; e < n; e++) {
        int64_t u = events[e].user - first;
        visits[start[u] + have[u]] = (visit_t){events[e].time, events[e].item, have[u]};
        have[u]++;
    }
    free(have);
    return visits;
}

static void put_range(group_t *g, const spool_t *events, const ranges_t *r, int64_t p)
{
    int64_t n = r->first[p + 1] - r->first[p], first = r->user[p], users = r->user[p + 1] - first;
    uint32_t *length = g->out.length + first;
    ingest_event_t *range = xmalloc(size_mul((size_t)n, sizeof *range));
    int64_t *start = NEW_ARRAY(int64_t, users + 1);
    spool_get(events, r->first[p], n, range);
    for (int64_t u = 0; u < users; u++) start[u + 1] = start[u] + length[u];
    visit_t *visits = visits_of(range, n, first, start, users);
    free(range);
    for (int64_t u = 0; u < users; u++) length[u] = put_history(g, visits + start[u], start[u + 1] - start[u]);
    free(visits);
    free(start);
}

ingest_tidy_t ingest_group(ingest_t *g, spool_t *events, uint32_t *length, int64_t *duplicates, int64_t *beyond)
{
    group_t group = {.filter = g->filter, .out = {spool_open(sizeof(int32_t)), spool_open(sizeof(int64_t)), length}};
    ranges_t ranges = cut_ranges(length, g->users.count, g->partition);
    if (ranges.count > 1) {
        spool_t sorted = distribute(events, &ranges);
        spool_close(events);
        *events = sorted;
    }
    progress_start("grouping", "interactions", events->count);
    for (int64_t p = 0; p < ranges.count; p++) {
        put_range(&group, events, &ranges, p);
        progress_add(ranges.first[p + 1] - ranges.first[p]);
    }
    progress_end();
    spool_close(events);
    spool_done(&group.out.item);
    spool_done(&group.out.time);
    free(ranges.user);
    free(ranges.first);
    *duplicates = group.duplicates;
    *beyond = group.beyond;
    return group.out;
}
