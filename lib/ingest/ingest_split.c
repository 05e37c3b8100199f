#include "ingest/ingest_split.h"

#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "base/rng.h"

const char *const ingest_split_names[] = {"last", "time", "user", NULL};

/* --- The cuts ----------------------------------------------------------------------------------------------------------- */

static bool parse_share(const char *text, double *share)
{
    char *end;
    *share = strtod(text, &end);
    return end != text && !*end && *share > 0 && *share < 1;
}

bool ingest_split_parse(const char *text, ingest_split_t *s)
{
    char *first = xstrdup(text), *second = strchr(first, ',');
    bool read = second != NULL;
    if (read) {
        *second++ = '\0';
        s->by_time = !parse_share(first, &s->share[0]);
        read = s->by_time ? date_parse(first, &s->time[0]) && date_parse(second, &s->time[1]) && s->time[0] < s->time[1]
                          : parse_share(second, &s->share[1]) && s->share[0] < s->share[1];
    }
    free(first);
    return read;
}

/* Walks over all times. */
typedef struct {
    spool_reader_t in;
    int64_t left, n;
    const int64_t *time;
} times_t;

static times_t times_of(const ingest_result_t *x) { return (times_t){.in = spool_reader(&x->timestamp), .left = x->events}; }

static bool next_times(times_t *t)
{
    t->n = min64(t->left, SPOOL_CHUNK);
    t->left -= t->n;
    if (t->n) t->time = spool_next(&t->in, t->n);
    else spool_reader_free(&t->in);
    return t->n > 0;
}

static void bounds(const ingest_result_t *x, int64_t *low, int64_t *high)
{
    *low = INT64_MAX;
    *high = INT64_MIN;
    for (times_t t = times_of(x); next_times(&t);) {
        for (int64_t i = 0; i < t.n; i++) {
            *low = min64(*low, t.time[i]);
            *high = max64(*high, t.time[i]);
        }
    }
}

enum { BUCKETS = 1 << 16 };

/* The n-th smallest time, from 0: a range that holds it is cut into buckets until one time is left, a walk each, since the times
 * need not fit in memory. */
static int64_t nth_time(const ingest_result_t *x, int64_t n)
{
    int64_t low, high, *count = NEW_ARRAY(int64_t, BUCKETS), bucket;
    bounds(x, &low, &high);
    while (low < high) {
        const uint64_t width = ((uint64_t)high - (uint64_t)low) / BUCKETS + 1;
        memset(count, 0, BUCKETS * sizeof *count);
        for (times_t t = times_of(x); next_times(&t);)
            for (int64_t i = 0; i < t.n; i++)
                if (low <= t.time[i] && t.time[i] <= high) count[((uint64_t)t.time[i] - (uint64_t)low) / width]++;
        for (bucket = 0; n >= count[bucket]; bucket++) n -= count[bucket];
        low = (int64_t)((uint64_t)low + (uint64_t)bucket * width);
        high = min64(high, (int64_t)((uint64_t)low + width - 1));
    }
    free(count);
    return low;
}

/* Turns shares into times. */
static void find_cuts(const ingest_result_t *x, ingest_split_t *s)
{
    if (x->order_only) die(EX_DATAERR, "the interactions have no times, only an order: --split time cannot be applied");
    for (int i = 0; i < 2 && !s->by_time; i++) s->time[i] = nth_time(x, (int64_t)(s->share[i] * (double)x->events));
}

/* --- The phases ---------------------------------------------------------------------------------------------------------- */

static phase_t phase_by_time(const ingest_split_t *s, int64_t time)
{
    return time < s->time[0] ? PHASE_TRAIN : time < s->time[1] ? PHASE_VALID : PHASE_TEST;
}

/* Which phase each user stands for: [users]. */
static uint8_t *phases_of_users(const ingest_result_t *x, const ingest_split_t *s)
{
    int64_t *order = NEW_ARRAY(int64_t, x->users);
    uint8_t *phase = NEW_ARRAY(uint8_t, x->users);
    for (int64_t u = 0; u < x->users; u++) order[u] = u;
    rng_shuffle(rng_stream(s->seed, "split-users"), order, x->users);
    for (int64_t i = 0; i < x->users; i++) {
        const double share = (double)i / (double)x->users;
        phase[order[i]] = share < s->share[0] ? PHASE_TRAIN : share < s->share[1] ? PHASE_VALID : PHASE_TEST;
    }
    free(order);
    return phase;
}

static phase_t phase_by_user(phase_t user, int64_t at, int64_t n)
{
    return user == PHASE_TRAIN || at == n - 1 ? user : PHASE_NONE;
}

void ingest_split(ingest_result_t *x, ingest_split_t *s)
{
    if (s->kind == INGEST_SPLIT_TIME) find_cuts(x, s);
    uint8_t *users = s->kind == INGEST_SPLIT_USER ? phases_of_users(x, s) : NULL;
    spool_reader_t times = spool_reader(&x->timestamp);
    x->phase = spool_open(sizeof(uint8_t));
    for (int64_t u = 0; u < x->users; u++) {
        const int64_t n = x->user_offsets[u + 1] - x->user_offsets[u], *time = spool_next(&times, n);
        for (int64_t at = 0; at < n; at++)
            SPOOL_ADD(&x->phase, uint8_t, (uint8_t)(s->kind == INGEST_SPLIT_LAST ? phase_leave_last_out(at, n)
                                                   : s->kind == INGEST_SPLIT_TIME ? phase_by_time(s, time[at])
                                                                                  : phase_by_user(users[u], at, n)));
    }
    spool_done(&x->phase);
    spool_reader_free(&times);
    free(users);
}

static void count_user(ingest_phases_t *p, int64_t n, const uint8_t *phase, const int64_t *time)
{
    bool has[PHASES] = {false};
    for (int64_t at = 0; at < n; at++) {
        p->events[phase[at]]++;
        if (!at || (phase[at] != PHASE_VALID && phase[at] != PHASE_TEST)) continue;
        p->cases[phase[at]]++;
        p->tied += phase[at] == PHASE_TEST && time[at] == time[at - 1];
        has[phase[at]] = true;
    }
    for (int i = 0; i < PHASES; i++) p->users[i] += has[i];
}

ingest_phases_t ingest_phases(const ingest_result_t *x)
{
    ingest_phases_t p = {0};
    for (ingest_walk_t w = ingest_walk(x); ingest_next_user(&w);) count_user(&p, w.n, w.phase, w.time);
    if (!p.events[PHASE_TRAIN]) die(EX_DATAERR, "the split leaves nothing to train on");
    if (!p.cases[PHASE_TEST]) die(EX_DATAERR, "the split leaves nothing for the test: no event after the last cut has one before it");
    return p;
}
