#include "ingest/ingest_take.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/progress.h"
#include "formats/event_ahead.h"

/* The filters that look at one interaction alone, in their order. */
enum { NO_RECORD, OUTSIDE_TIME, LOW_RATING, NO_IMAGE, FILTERS };

static const char *const filter_names[FILTERS] = {"no_record", "outside_time", "low_rating", "no_image"};

/* A user, or an item. */
typedef struct {
    uint32_t read, passed;   /* interactions */
    uint8_t best;            /* the furthest that one of them came: the filter that dropped it, or FILTERS */
} party_t;

typedef struct {
    party_t *at;
    int64_t cap;
} parties_t;

typedef struct {
    ingest_known_t known;
    strtab_t user_ids;
    parties_t users, items;        /* items without a record follow those with one */
    strtab_t missing;              /* ids of items without a record */
    int64_t dropped[FILTERS + 1];  /* interactions by the filter that dropped them; last: that passed */
    spool_t events;
    int64_t earliest, latest;      /* times */
} take_t;

static party_t *party(parties_t *p, int64_t i)
{
    if (i >= p->cap) {
        int64_t old = p->cap;
        p->cap = i + i / 2 + 1024;
        p->at = xreallocarray(p->at, (size_t)p->cap, sizeof *p->at);
        memset(p->at + old, 0, (size_t)(p->cap - old) * sizeof *p->at);
    }
    return &p->at[i];
}

static bool in_time(const ingest_filter_t *f, const event_source_t *s, int64_t time)
{
    if (f->since == INT64_MIN && f->until == INT64_MAX) return true;
    if (s->order_only) die(EX_DATAERR, "the interactions have no times, only an order: --since and --until cannot be applied");
    return f->since <= time && time < f->until;
}

static int first_filter(const take_t *t, const event_source_t *s, const event_t *e, int64_t item)
{
    const ingest_filter_t *f = t->known.filter;
    if (item >= t->known.items->count) return NO_RECORD;
    if (!in_time(f, s, e->time)) return OUTSIDE_TIME;
    if (e->rating < f->min_rating) return LOW_RATING;
    if (f->require_image && !(t->known.evidence[item] & 1 << HAS_IMAGE)) return NO_IMAGE;
    return FILTERS;
}

static int64_t item_number(take_t *t, const event_ahead_event_t *h)
{
    const event_t *e = &h->event;
    int64_t item = strtab_find_hashed(t->known.items, e->item, e->item_len, h->item_hash);
    if (item < 0) item = t->known.items->count + strtab_find_or_add(&t->missing, e->item, e->item_len, h->item_hash);
    return item;
}

static void count(parties_t *p, int64_t i, int stage)
{
    party_t *one = party(p, i);
    if (one->read == UINT32_MAX) die(EX_DATAERR, "a user or an item has more than %u interactions", UINT32_MAX);
    one->read++;
    one->passed += stage == FILTERS;
    if (stage > one->best) one->best = (uint8_t)stage;
}

static void take_event(take_t *t, const event_source_t *s, const event_ahead_event_t *h)
{
    const event_t *e = &h->event;
    int64_t user = strtab_find_or_add(&t->user_ids, e->user, e->user_len, h->user_hash), item = item_number(t, h);
    if (user >= INT32_MAX) die(EX_DATAERR, "more than %d users", INT32_MAX);
    int stage = first_filter(t, s, e, item);
    if (e->time < t->earliest) t->earliest = e->time;
    if (e->time > t->latest) t->latest = e->time;
    t->dropped[stage]++;
    count(&t->users, user, stage);
    count(&t->items, item, stage);
    if (stage == FILTERS) SPOOL_ADD(&t->events, ingest_event_t, ((ingest_event_t){e->time, (int32_t)user, (int32_t)item}));
}

/* So many events are looked up side by side: the tables are larger than any cache, and a look-up goes through them in steps
 * each of which waits for the one before. */
enum { SIDE_BY_SIDE = 32 };

static void near_party(const parties_t *p, int64_t i)
{
    if (i >= 0 && i < p->cap) __builtin_prefetch(&p->at[i]);
}

static void fetch(const take_t *t, const event_ahead_event_t *h, int n)
{
    const strtab_t *users = &t->user_ids, *items = t->known.items;
    int64_t user[SIDE_BY_SIDE], item[SIDE_BY_SIDE];
    for (int i = 0; i < n; i++) {
        strtab_near(users, h[i].user_hash);
        strtab_near(items, h[i].item_hash);
    }
    for (int i = 0; i < n; i++) {
        near_party(&t->users, user[i] = strtab_guess(users, h[i].user_hash));
        near_party(&t->items, item[i] = strtab_guess(items, h[i].item_hash));
    }
    for (int i = 0; i < n; i++) {
        strtab_near_row(users, user[i]);
        strtab_near_row(items, item[i]);
    }
}

static void take_batch(take_t *t, const event_source_t *s, const event_ahead_batch_t *b)
{
    for (int first = 0, n; first < b->count; first += n) {
        n = b->count - first < SIDE_BY_SIDE ? b->count - first : SIDE_BY_SIDE;
        fetch(t, b->events + first, n);
        for (int i = first; i < first + n; i++) take_event(t, s, &b->events[i]);
    }
}

static void take_all(take_t *t, event_source_t *s)
{
    event_ahead_t *ahead = event_ahead_open(s);
    progress_start("reading", "interactions", 0);
    for (const event_ahead_batch_t *b; (b = event_ahead_next(ahead)); progress_add(b->count))
        take_batch(t, s, b);
    progress_end();
    event_ahead_close(ahead);
    spool_done(&t->events);
}

/* Counts users and items that have an interaction left after the filter; -1: as read. */
static void add_step(const take_t *t, int filter, ingest_report_t *r)
{
    const ingest_known_t *k = &t->known;
    ingest_step_t *step = ingest_report_step(r, filter < 0 ? "read" : filter_names[filter]);
    int64_t items = k->items->count + t->missing.count;
    for (int f = filter + 1; f <= FILTERS; f++) step->interactions += t->dropped[f];
    for (int64_t u = 0; u < t->user_ids.count; u++) step->users += t->users.at[u].best > filter;
    for (int64_t i = 0; i < items; i++) {
        if (!t->items.at[i].read || t->items.at[i].best <= filter) continue;
        step->items++;
        for (int e = 0; e < COVERAGE_KINDS && i < k->items->count; e++) step->with[e] += k->evidence[i] >> e & 1;
    }
}

/* Tells whether the id of an item is beyond ASCII. */
static bool has_letters(const strtab_t *ids, int64_t i)
{
    size_t n;
    const char *id = strtab_get(ids, i, &n);
    for (size_t at = 0; at < n; at++)
        if (id[at] & 0x80) return true;
    return false;
}

static bool letters_apart(const take_t *t)
{
    const strtab_t *items = t->known.items, *missing = &t->missing;
    bool here = false, there = false;
    for (int64_t i = 0; i < items->count; i++) {
        if (!has_letters(items, i)) continue;
        if (t->items.at[i].read) return false;
        here = true;
    }
    for (int64_t i = 0; here && !there && i < missing->count; i++) there = has_letters(missing, i);
    return there;
}

static void add_report(take_t *t, ingest_report_t *r)
{
    const ingest_filter_t *f = t->known.filter;
    const bool asked[FILTERS] = {true, f->since != INT64_MIN || f->until != INT64_MAX, !isnan(f->min_rating), f->require_image};
    int64_t items = t->known.items->count + t->missing.count;
    party(&t->items, items); /* so that items that nobody met have their zeros */
    add_step(t, -1, r);
    for (int i = 0; i < FILTERS; i++)
        if (asked[i]) add_step(t, i, r);
    if (t->user_ids.count) r->history[0] = quantiles_of(&t->users.at->read, t->user_ids.count, sizeof(party_t));
    r->earliest = t->earliest;
    r->latest = t->latest;
    r->letters_apart = letters_apart(t);
    r->popularity[0] = quantiles_of(&t->items.at->read, items, sizeof(party_t));
}

ingest_taken_t ingest_take(const ingest_known_t *k, event_source_t *s, ingest_report_t *report)
{
    take_t t = {.known = *k, .events = spool_open(sizeof(ingest_event_t)), .earliest = INT64_MAX, .latest = INT64_MIN};
    take_all(&t, s);
    strtab_unindex(&t.user_ids);
    add_report(&t, report);
    uint32_t *length = NEW_ARRAY(uint32_t, t.user_ids.count);
    for (int64_t u = 0; u < t.user_ids.count; u++) length[u] = t.users.at[u].passed;
    free(t.users.at);
    free(t.items.at);
    strtab_free(&t.missing);
    return (ingest_taken_t){t.user_ids, t.events, length};
}
