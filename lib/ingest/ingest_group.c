#include "ingest/ingest_group.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/rng.h"

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

/* Brings the interactions of each range together, in the source's order. */
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

static bool all_times_differ(const visit_t *v, int64_t n)
{
    for (int64_t i = 1; i < n; i++)
        if (v[i - 1].time >= v[i].time) return false;
    return true;
}

/* Keeps the first of those that are alike, of visits ordered by time and item; returns how many are left. */
static int64_t drop_duplicates(visit_t *v, int64_t n)
{
    int64_t left = 0;
    for (int64_t i = 0; i < n; i++)
        if (!left || v[left - 1].time != v[i].time || v[left - 1].item != v[i].item) v[left++] = v[i];
    return left;
}

/* Sorts one history by time and drops duplicates, of which the first in the source stays; returns how many are left. */
static int64_t tidy(visit_t *v, int64_t n)
{
    if (all_times_differ(v, n)) return n;
    qsort(v, (size_t)n, sizeof *v, by_time);
    if (all_times_differ(v, n)) return n;
    qsort(v, (size_t)n, sizeof *v, by_time_and_item);
    n = drop_duplicates(v, n);
    qsort(v, (size_t)n, sizeof *v, by_time);
    return n;
}

static void count_ties(const strtab_t *ids, const visit_t *v, int64_t n, ties_count_t *count)
{
    for (int64_t i = 1; i < n; i++) {
        const bool ascends = ties_compare_ids(ids, v[i - 1].item, v[i].item) < 0, tied = v[i - 1].time == v[i].time;
        ties_add(count, &(ties_count_t){1, ascends, tied, tied && ascends});
    }
}

static int by_time_and_id(const void *pa, const void *pb, void *ids)
{
    const visit_t *a = pa, *b = pb;
    int by = order(a->time, b->time);
    if (!by) by = ties_compare_ids(ids, a->item, b->item);
    return by ? by : order(a->position, b->position);
}

static void shuffle_positions(visit_t *v, int64_t n, uint64_t key)
{
    int64_t *position = NEW_ARRAY(int64_t, n);
    for (int64_t i = 0; i < n; i++) position[i] = i;
    rng_shuffle(key, position, n);
    for (int64_t i = 0; i < n; i++) v[i].position = (uint32_t)position[i];
    free(position);
}

/* Puts visits of one time into another order than the source's. */
static void order_ties(const ingest_grouping_t *how, visit_t *v, int64_t n, uint64_t key)
{
    if (how->ties.order == TIES_FILE || all_times_differ(v, n)) return;
    if (how->ties.order == TIES_ID) {
        qsort_r(v, (size_t)n, sizeof *v, by_time_and_id, (void *)how->ids);
        return;
    }
    shuffle_positions(v, n, key);
    qsort(v, (size_t)n, sizeof *v, by_time);
}

enum { SHARDS = 64 };

typedef struct {
    const ingest_grouping_t *how;
    uint64_t key;
    ingest_tidy_t out;
    ingest_grouped_t found;
} grouping_t;

/* The visits of a range of users: user u's are visit[start[u] .. start[u] + left[u]), u counted within the range. */
typedef struct {
    const grouping_t *g;
    int64_t first, users;        /* the first one's number */
    visit_t *visit;
    int64_t *start;              /* [users + 1] */
    uint32_t *left;              /* [users] */
    ties_count_t ties[SHARDS];
} range_t;

static void tidy_shard(void *ctx, int64_t shard, int worker)
{
    range_t *r = ctx;
    const grouping_t *g = r->g;
    (void)worker;
    for (int64_t u = r->users * shard / SHARDS; u < r->users * (shard + 1) / SHARDS; u++) {
        visit_t *v = r->visit + r->start[u];
        const int64_t n = tidy(v, r->start[u + 1] - r->start[u]);
        count_ties(g->how->ids, v, n, &r->ties[shard]);
        order_ties(g->how, v, n, rng_key(g->key, (uint64_t)(r->first + u)));
        r->left[u] = (uint32_t)n;
    }
}

/* Writes what stays of each user's visits, and leaves how many in `left`. */
static void put_histories(grouping_t *g, const range_t *r)
{
    const int64_t max = g->how->max_items;
    for (int64_t u = 0; u < r->users; u++) {
        int64_t left = r->left[u], skip = max && left > max ? left - max : 0;
        const visit_t *v = r->visit + r->start[u];
        g->found.duplicates += r->start[u + 1] - r->start[u] - left;
        g->found.beyond += skip;
        for (int64_t i = skip; i < left; i++) {
            SPOOL_ADD(&g->out.item, int32_t, v[i].item);
            SPOOL_ADD(&g->out.time, int64_t, v[i].time);
        }
        r->left[u] = (uint32_t)(left - skip);
    }
}

/* Makes visits of interactions, of which the first user is `first`. */
static void fill_visits(range_t *r, const ingest_event_t *events, int64_t n, int64_t first)
{
    r->visit = xmalloc(size_mul((size_t)n, sizeof *r->visit));
    uint32_t *have = NEW_ARRAY(uint32_t, r->users);
    for (int64_t e = 0; e < n; e++) {
        int64_t u = events[e].user - first;
        r->visit[r->start[u] + have[u]] = (visit_t){events[e].time, events[e].item, have[u]};
        have[u]++;
    }
    free(have);
}

static void put_range(grouping_t *g, const spool_t *events, const ranges_t *ranges, int64_t p)
{
    int64_t n = ranges->first[p + 1] - ranges->first[p], first = ranges->user[p];
    range_t r = {.g = g, .first = first, .users = ranges->user[p + 1] - first, .left = g->out.length + first};
    r.start = NEW_ARRAY(int64_t, r.users + 1);
    for (int64_t u = 0; u < r.users; u++) r.start[u + 1] = r.start[u] + r.left[u];
    ingest_event_t *event = xmalloc(size_mul((size_t)n, sizeof *event));
    spool_get(events, ranges->first[p], n, event);
    fill_visits(&r, event, n, first);
    free(event);
    parallel_for(SHARDS, tidy_shard, &r);
    put_histories(g, &r);
    for (int i = 0; i < SHARDS; i++) ties_add(&g->found.ties, &r.ties[i]);
    free(r.visit);
    free(r.start);
}

ingest_tidy_t ingest_group(spool_t *events, uint32_t *length, int64_t users, const ingest_grouping_t *how,
                           ingest_grouped_t *found)
{
    grouping_t g = {.how = how, .key = rng_stream(how->ties.seed, "ties"),
                    .out = {spool_open(sizeof(int32_t)), spool_open(sizeof(int64_t)), length}};
    ranges_t ranges = cut_ranges(length, users, how->partition);
    if (ranges.count > 1) {
        spool_t sorted = distribute(events, &ranges);
        spool_close(events);
        *events = sorted;
    }
    progress_start("grouping", "interactions", events->count);
    for (int64_t p = 0; p < ranges.count; p++) {
        put_range(&g, events, &ranges, p);
        progress_add(ranges.first[p + 1] - ranges.first[p]);
    }
    progress_end();
    spool_close(events);
    spool_done(&g.out.item);
    spool_done(&g.out.time);
    free(ranges.user);
    free(ranges.first);
    *found = g.found;
    return g.out;
}
