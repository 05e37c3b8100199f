#include "data/ingest.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/progress.h"
#include "data/kcore.h"

/* Events as they come. */
typedef struct {
    int64_t count, cap;
    struct { int64_t time; int32_t user, item; } *at;
    strtab_t users;
} events_t;

/* An event within its user's history; `position` is its place in the source. */
typedef struct {
    int64_t time;
    int32_t item;
    uint32_t position;
} visit_t;

typedef struct {
    int64_t users;
    int64_t *offsets; /* [users + 1] */
    visit_t *visits;
} histories_t;

static int64_t find_or_add(strtab_t *t, const char *s, size_t n)
{
    if (!t->slots) strtab_index(t);
    int64_t i = strtab_find(t, s, n);
    if (i >= 0) return i;
    strtab_add(t, s, n);
    return t->count - 1;
}

static void keep_event(events_t *all, int64_t user, int64_t item, int64_t time)
{
    GROW(all->at, all->count, all->cap);
    all->at[all->count].user = (int32_t)user;
    all->at[all->count].item = (int32_t)item;
    all->at[all->count++].time = time;
}

static events_t collect(event_source_t *s, const strtab_t *items, const ingest_filter_t *f, ingest_report_t *r)
{
    events_t all = {0};
    strtab_t missing = {0};
    progress_start("reading", "interactions", 0);
    for (event_t e; s->next(s, &e); progress_add(1)) {
        r->before.interactions++;
        int64_t user = find_or_add(&all.users, e.user, e.user_len), item = strtab_find(items, e.item, e.item_len);
        if (user > INT32_MAX) die(EX_DATAERR, "more than %d users", INT32_MAX);
        if (item < 0) {
            r->no_record++;
            find_or_add(&missing, e.item, e.item_len);
        } else if (e.rating < f->min_rating) {
            r->low_rating++;
        } else {
            keep_event(&all, user, item, e.time);
        }
    }
    progress_end();
    r->missing_records = missing.count;
    r->before.users = all.users.count;
    r->before.items = items->count;
    strtab_free(&missing);
    return all;
}

/* Groups the events by user, each user's in the source's order; frees the events. */
static histories_t group(events_t *all)
{
    histories_t h = {.users = all->users.count, .offsets = NEW_ARRAY(int64_t, all->users.count + 1)};
    h.visits = NEW_ARRAY(visit_t, all->count);
    for (int64_t e = 0; e < all->count; e++) h.offsets[all->at[e].user + 1]++;
    for (int64_t u = 0; u < h.users; u++) {
        if (h.offsets[u + 1] > UINT32_MAX) die(EX_DATAERR, "a user has more than %u interactions", UINT32_MAX);
        h.offsets[u + 1] += h.offsets[u];
    }
    int64_t *next = NEW_ARRAY(int64_t, h.users);
    for (int64_t e = 0; e < all->count; e++) {
        int32_t u = all->at[e].user;
        h.visits[h.offsets[u] + next[u]] = (visit_t){all->at[e].time, all->at[e].item, (uint32_t)next[u]};
        next[u]++;
    }
    free(next);
    free(all->at);
    all->at = NULL;
    return h;
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

/* Tidies every history, cuts it to its latest `max_items`, and closes the gaps. */
static void tidy_all(histories_t *h, int64_t max_items, ingest_report_t *r)
{
    int64_t out = 0, start = 0;
    for (int64_t u = 0; u < h->users; u++) {
        int64_t n = h->offsets[u + 1] - start, left = tidy(h->visits + start, n);
        int64_t skip = max_items && left > max_items ? left - max_items : 0;
        r->duplicates += n - left;
        r->beyond_max += skip;
        for (int64_t i = skip; i < left; i++) h->visits[out++] = h->visits[start + i];
        start += n;
        h->offsets[u + 1] = out;
    }
}

static void find_core(const histories_t *h, int64_t k, int64_t items, bool *keep_user, bool *keep_item)
{
    int64_t events = h->offsets[h->users];
    int32_t *item = NEW_ARRAY(int32_t, events);
    for (int64_t e = 0; e < events; e++) item[e] = h->visits[e].item;
    kcore(k, h->users, items, h->offsets, item, keep_user, keep_item);
    free(item);
}

/* Users without interactions are no users; items without are items only where no k-core is asked for. */
static void count_idle(const histories_t *h, const ingest_filter_t *f, int64_t items, bool *keep_user, ingest_report_t *r)
{
    bool *met = NEW_ARRAY(bool, items);
    for (int64_t u = 0; u < h->users; u++) {
        bool idle = h->offsets[u] == h->offsets[u + 1];
        r->idle_users += idle;
        if (idle) keep_user[u] = false;
        for (int64_t e = h->offsets[u]; e < h->offsets[u + 1]; e++) met[h->visits[e].item] = true;
    }
    for (int64_t i = 0; i < items; i++) r->idle_items += f->kcore > 0 && !met[i];
    free(met);
}

/* The new row of every kept item, and their ids. */
static int32_t *number_items(const strtab_t *items, const bool *keep_item, interactions_t *x)
{
    int32_t *row = NEW_ARRAY(int32_t, items->count);
    for (int64_t i = 0; i < items->count; i++) {
        if (!keep_item[i]) continue;
        size_t n;
        const char *id = strtab_get(items, i, &n);
        strtab_add(&x->item_ids, id, n);
        row[i] = (int32_t)x->items++;
    }
    return row;
}

static void keep_user_history(interactions_t *x, const histories_t *h, int64_t u, const bool *keep_item, const int32_t *row)
{
    for (int64_t e = h->offsets[u]; e < h->offsets[u + 1]; e++) {
        const visit_t *v = &h->visits[e];
        if (!keep_item[v->item]) continue;
        x->item_index[x->events] = row[v->item];
        x->timestamp[x->events++] = v->time;
    }
    x->user_offsets[++x->users] = x->events;
}

static interactions_t build(const histories_t *h, const strtab_t *users, const strtab_t *items,
                            const bool *keep_user, const bool *keep_item)
{
    int64_t events = h->offsets[h->users];
    interactions_t x = {.user_offsets = NEW_ARRAY(int64_t, h->users + 1),
                        .item_index = NEW_ARRAY(int32_t, events), .timestamp = NEW_ARRAY(int64_t, events)};
    int32_t *row = number_items(items, keep_item, &x);
    for (int64_t u = 0; u < h->users; u++) {
        if (!keep_user[u]) continue;
        size_t n;
        const char *id = strtab_get(users, u, &n);
        strtab_add(&x.user_ids, id, n);
        keep_user_history(&x, h, u, keep_item, row);
    }
    free(row);
    return x;
}

static void count_result(const interactions_t *x, const histories_t *h, ingest_report_t *r)
{
    r->after = (ingest_counts_t){x->users, x->items, x->events};
    r->kcore.users = r->before.users - r->idle_users - x->users;
    r->kcore.items = r->before.items - r->idle_items - x->items;
    r->kcore.interactions = h->offsets[h->users] - x->events;
    for (int64_t u = 0; u < x->users; u++) r->short_users += x->user_offsets[u + 1] - x->user_offsets[u] < 3;
}

interactions_t ingest_interactions(event_source_t *s, const strtab_t *items, const ingest_filter_t *f,
                                   bool *keep_item, ingest_report_t *r)
{
    *r = (ingest_report_t){0};
    if (items->count > INT32_MAX) die(EX_DATAERR, "more than %d items", INT32_MAX);
    events_t all = collect(s, items, f, r);
    histories_t h = group(&all);
    tidy_all(&h, f->max_items, r);
    bool *keep_user = NEW_ARRAY(bool, h.users);
    find_core(&h, f->kcore, items->count, keep_user, keep_item);
    count_idle(&h, f, items->count, keep_user, r);
    interactions_t x = build(&h, &all.users, items, keep_user, keep_item);
    count_result(&x, &h, r);
    free(keep_user);
    free(h.offsets);
    free(h.visits);
    strtab_free(&all.users);
    return x;
}
