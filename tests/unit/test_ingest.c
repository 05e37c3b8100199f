#include "ingest/ingest.h"

#include <math.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <signal.h>
#include <sysexits.h>

#include "base/mem.h"
#include "base/rng.h"
#include "unit.h"

enum { MAX_EVENTS = 400, MAX_USERS = 30, MAX_ITEMS = 24 };

/* A source of made-up events: user "u<n>", item "i<n>". */
typedef struct {
    event_source_t base;
    int count, next;
    struct { int user, item, time, rating; } of[MAX_EVENTS];
    char user[16], item[16];
} made_up_t;

static bool next_made_up(event_source_t *s, event_t *e)
{
    made_up_t *m = (made_up_t *)s;
    if (m->next == m->count) return false;
    int i = m->next++;
    int user_len = snprintf(m->user, sizeof m->user, "u%d", m->of[i].user);
    int item_len = snprintf(m->item, sizeof m->item, "i%d", m->of[i].item);
    *e = (event_t){m->user, m->item, (size_t)user_len, (size_t)item_len, m->of[i].time, m->of[i].rating};
    return true;
}

/* The result by the definition: filter after filter over plain arrays. */
typedef struct {
    int count;
    bool gone[MAX_EVENTS], keep_item[MAX_ITEMS];
    struct { int users, items, interactions; } left[INGEST_MAX_STEPS];   /* after each step */
    int steps;
} slow_t;

static void end_step(const made_up_t *m, slow_t *s)
{
    bool user[MAX_USERS] = {false}, item[2 * MAX_ITEMS] = {false};
    for (int i = 0; i < m->count; i++) {
        if (s->gone[i]) continue;
        s->left[s->steps].interactions++;
        user[m->of[i].user] = item[m->of[i].item] = true;
    }
    for (int u = 0; u < MAX_USERS; u++) s->left[s->steps].users += user[u];
    for (int i = 0; i < 2 * MAX_ITEMS; i++) s->left[s->steps].items += item[i];
    s->steps++;
}

static bool same_event(const made_up_t *m, int a, int b)
{
    return m->of[a].user == m->of[b].user && m->of[a].item == m->of[b].item && m->of[a].time == m->of[b].time;
}

/* True if event a comes before event b in their user's history. */
static bool before(const made_up_t *m, int a, int b)
{
    return m->of[a].time != m->of[b].time ? m->of[a].time < m->of[b].time : a < b;
}

static void slow_core(const made_up_t *m, const ingest_filter_t *f, int items, slow_t *s)
{
    if (!f->kcore) return;
    for (bool changed = true; changed;) {
        int users[MAX_USERS] = {0}, of_item[2 * MAX_ITEMS] = {0};
        for (int i = 0; i < m->count; i++)
            if (!s->gone[i]) users[m->of[i].user]++, of_item[m->of[i].item]++;
        changed = false;
        for (int i = 0; i < m->count; i++) {
            if (s->gone[i] || (users[m->of[i].user] >= f->kcore && of_item[m->of[i].item] >= f->kcore)) continue;
            changed = s->gone[i] = true;
        }
        for (int i = 0; i < items; i++) s->keep_item[i] = of_item[i] >= f->kcore;
    }
    end_step(m, s);
}

static void slow_cut(const made_up_t *m, const ingest_filter_t *f, slow_t *s)
{
    bool cut[MAX_EVENTS] = {false};
    for (int i = 0; i < m->count; i++) {
        int later = 0;
        for (int j = 0; j < m->count; j++) later += !s->gone[i] && !s->gone[j] && m->of[i].user == m->of[j].user && before(m, i, j);
        cut[i] = later >= f->max_items;
    }
    for (int i = 0; i < m->count; i++) s->gone[i] |= cut[i];
    end_step(m, s);
}

static void slow_filter(const made_up_t *m, const ingest_filter_t *f, int items, const uint8_t *evidence, slow_t *s)
{
    *s = (slow_t){.count = m->count};
    end_step(m, s);
    for (int i = 0; i < m->count; i++) s->gone[i] = m->of[i].item >= items;
    end_step(m, s);
    if (f->since != INT64_MIN) {
        for (int i = 0; i < m->count; i++) s->gone[i] |= m->of[i].time < f->since || m->of[i].time >= f->until;
        end_step(m, s);
    }
    if (!isnan(f->min_rating)) {
        for (int i = 0; i < m->count; i++) s->gone[i] |= m->of[i].rating < f->min_rating;
        end_step(m, s);
    }
    for (int i = 0; i < items; i++) s->keep_item[i] = !f->require_image || (evidence[i] & 1 << HAS_IMAGE);
    if (f->require_image) {
        for (int i = 0; i < m->count; i++) s->gone[i] |= !s->gone[i] && !s->keep_item[m->of[i].item];
        end_step(m, s);
    }
    for (int i = 0; i < m->count; i++)
        for (int j = 0; j < i; j++) s->gone[i] |= !s->gone[j] && same_event(m, i, j);
    end_step(m, s);
    if (f->max_items) slow_cut(m, f, s);
    slow_core(m, f, items, s);
}

static void slow_drop(const made_up_t *m, const ingest_filter_t *f, int items, const bool *dropped, slow_t *s)
{
    for (int i = 0; i < m->count; i++) s->gone[i] |= !s->gone[i] && dropped[m->of[i].item];
    for (int i = 0; i < items; i++) s->keep_item[i] = s->keep_item[i] && !dropped[i];
    end_step(m, s);
    slow_core(m, f, items, s);
}

/* The event of user `user` that comes next after `last` (-1: the first) among those that are left; -1: none. */
static int next_of(const made_up_t *m, const slow_t *s, int user, int last)
{
    int best = -1;
    for (int i = 0; i < m->count; i++)
        if (!s->gone[i] && m->of[i].user == user && (last < 0 || before(m, last, i)) && (best < 0 || before(m, i, best))) best = i;
    return best;
}

static bool is_string(const strtab_t *t, int64_t row, const char *what, int number)
{
    char text[16];
    size_t n, len = (size_t)snprintf(text, sizeof text, "%s%d", what, number);
    if (row >= t->count) return false;
    const char *s = strtab_get(t, row, &n);
    return n == len && !memcmp(s, text, n);
}

static bool same_result(const made_up_t *m, const slow_t *s, int items, const ingest_result_t *x)
{
    int32_t item[MAX_EVENTS];
    int64_t time[MAX_EVENTS], e = 0, u = 0, row = 0, row_of[MAX_ITEMS];
    if (spool_get(&x->item_index, 0, MAX_EVENTS, item) != x->events || spool_get(&x->timestamp, 0, MAX_EVENTS, time) != x->events) return false;
    for (int i = 0; i < items; i++) {
        row_of[i] = row;
        if (s->keep_item[i] && !is_string(&x->item_ids, row++, "i", i)) return false;
    }
    bool seen[MAX_USERS] = {false};
    for (int i = 0; i < m->count; i++) {
        int user = m->of[i].user;
        if (seen[user]) continue;
        seen[user] = true;
        int at = next_of(m, s, user, -1);
        if (at < 0) continue;
        if (!is_string(&x->user_ids, u, "u", user) || x->user_offsets[u++] != e) return false;
        for (; at >= 0; at = next_of(m, s, user, at), e++)
            if (e >= x->events || time[e] != m->of[at].time || item[e] != row_of[m->of[at].item]) return false;
    }
    return u == x->users && e == x->events && x->user_offsets[u] == e && row == x->items && row == x->item_ids.count && u == x->user_ids.count;
}

static bool same_steps(const slow_t *s, const ingest_report_t *r)
{
    if (r->count != s->steps) return false;
    for (int i = 0; i < r->count; i++)
        if (r->steps[i].interactions != s->left[i].interactions || r->steps[i].users != s->left[i].users || r->steps[i].items != s->left[i].items)
            return false;
    return r->history[1].n == r->steps[r->count - 1].users && r->popularity[1].n == r->steps[r->count - 1].items;
}

static void make_up(made_up_t *m, uint64_t key, int users, int items, int times)
{
    m->base.next = next_made_up;
    m->count = (int)rng_below(key, 0, MAX_EVENTS + 1);
    for (int i = 0; i < m->count; i++) {
        uint64_t at = 10 + 4 * (uint64_t)i;
        double x = rng_uniform(key, at), y = rng_uniform(key, at + 1);
        m->of[i].user = (int)(x * x * users);
        m->of[i].item = (int)(y * y * (items + 3)); /* some items have no record */
        m->of[i].time = (int)rng_below(key, at + 2, (uint64_t)times) - 5;
        m->of[i].rating = (int)rng_below(key, at + 3, 5);
    }
}

TEST(random_events_agree_with_the_definition)
{
    int kept = 0, empty = 0, dropped_more = 0;
    for (uint64_t trial = 0; trial < 400; trial++) {
        uint64_t key = rng_key(rng_stream(5, "ingest"), trial);
        int items = 1 + (int)rng_below(key, 1, MAX_ITEMS), users = 1 + (int)rng_below(key, 2, MAX_USERS);
        made_up_t m = {0};
        make_up(&m, key, users, items, trial % 3 ? 200 : 10);
        ingest_filter_t f = {.kcore = (int64_t)rng_below(key, 3, 6), .max_items = trial % 5 ? 0 : 4, .min_rating = trial % 4 ? NAN : 1,
                             .since = trial % 7 ? INT64_MIN : 0, .until = trial % 7 ? INT64_MAX : 150, .require_image = trial % 3 == 1,
                             .partition = (int64_t)rng_below(key, 4, 60) + 1};
        strtab_t ids = {0};
        uint8_t evidence[MAX_ITEMS];
        bool gone[2 * MAX_ITEMS] = {false};
        for (int i = 0; i < items; i++) {
            char id[16];
            strtab_add(&ids, id, (size_t)snprintf(id, sizeof id, "i%d", i));
            evidence[i] = (uint8_t)(rng_below(key, 5000 + (uint64_t)i, 64) | 1u << (trial % 6));
            gone[i] = rng_below(key, 6000 + (uint64_t)i, 5) == 0;
        }
        strtab_index(&ids);
        slow_t s;
        slow_filter(&m, &f, items, evidence, &s);
        ingest_t *g = ingest_open(&f, &ids, evidence);
        ingest_read(g, &m.base);
        ingest_core(g);
        if (trial % 2) {
            slow_drop(&m, &f, items, gone, &s);
            ingest_drop_items(g, "lost", gone);
            dropped_more += s.left[s.steps - 1].users > 0;
        }
        CHECK(same_steps(&s, ingest_report(g)));
        CHECK(!memcmp(ingest_items(g), s.keep_item, (size_t)items));
        ingest_result_t x = ingest_result(g);
        bool same = same_result(&m, &s, items, &x);
        CHECK(same);
        if (!same) printf("# trial %d\n", (int)trial);
        kept += x.events > 0;
        empty += x.events == 0;
        ingest_result_free(&x);
        ingest_close(g);
        strtab_free(&ids);
    }
    CHECK(kept > 100 && empty > 10 && dropped_more > 50);
}

/* A chain of users and items, u0 - i0 - u1 - i1 - ..., falls one after the other, from its ends: passes alone would take
 * forever. */
static bool next_link(event_source_t *s, event_t *e)
{
    made_up_t *m = (made_up_t *)s;
    if (m->next == m->count) return false;
    int i = m->next++, n = m->count / 2, user = i / 2, item = user + i % 2;
    /* users in an order in which a pass does not follow the chain */
    int user_len = snprintf(m->user, sizeof m->user, "u%d", n - user), item_len = snprintf(m->item, sizeof m->item, "i%d", item);
    *e = (event_t){m->user, m->item, (size_t)user_len, (size_t)item_len, i, 0};
    return true;
}

/* Reads a chain of `n` users and reduces it to its core; returns what was left before and after. */
static void ingest_chain(int n, const ingest_filter_t *f, ingest_step_t *before, ingest_step_t *after)
{
    made_up_t m = {.base.next = next_link, .count = 2 * n};
    strtab_t ids = {0};
    uint8_t *evidence = NEW_ARRAY(uint8_t, n + 1);
    for (int i = 0; i <= n; i++) {
        char id[16];
        strtab_add(&ids, id, (size_t)snprintf(id, sizeof id, "i%d", i));
    }
    strtab_index(&ids);
    ingest_t *g = ingest_open(f, &ids, evidence);
    const ingest_report_t *r = ingest_report(g);
    ingest_read(g, &m.base);
    *before = r->steps[r->count - 1];
    ingest_core(g);
    *after = r->steps[r->count - 1];
    ingest_close(g);
    strtab_free(&ids);
    free(evidence);
}

TEST(a_long_chain_falls_in_memory)
{
    const ingest_filter_t f = {.kcore = 2, .min_rating = NAN, .since = INT64_MIN, .until = INT64_MAX, .partition = 1000};
    ingest_step_t before, after;
    ingest_chain(100000, &f, &before, &after);
    CHECK(before.users == 100000 && before.items == 100001 && before.interactions == 200000);
    CHECK(after.users == 0 && after.items == 0 && after.interactions == 0);
}

static void ingest_some(void)
{
    const ingest_filter_t f = {.min_rating = NAN, .since = INT64_MIN, .until = INT64_MAX};
    ingest_step_t before, after;
    ingest_chain(200000, &f, &before, &after);
}

static void ingest_on_a_full_disk(void)
{
    signal(SIGXFSZ, SIG_IGN);
    struct rlimit limit = {1 << 20, 1 << 20};
    setrlimit(RLIMIT_FSIZE, &limit);
    ingest_some();
}

TEST(a_full_temporary_folder_is_an_error)
{
    CHECK(unit_exit_code(ingest_some) == 0);
    CHECK(unit_exit_code(ingest_on_a_full_disk) == EX_IOERR);
}

TEST(quantiles_are_nearest_ranks)
{
    uint32_t one[] = {7};
    quantiles_t q = quantiles_of(one, 1, sizeof *one);
    for (int i = 0; i < QUANTILES; i++) CHECK(q.at[i] == 7);
    CHECK(q.n == 1 && q.mean == 7);
    uint32_t many[201];
    for (uint32_t i = 0; i < 200; i++) many[i] = (i * 77) % 200 + 1;   /* 1 to 200 */
    many[200] = 0;
    q = quantiles_of(many, 201, sizeof *many);
    const int64_t expected[QUANTILES] = {1, 20, 50, 100, 150, 180, 198, 200};
    CHECK(!memcmp(q.at, expected, sizeof expected) && q.n == 200 && q.mean == 100.5);
    uint32_t large[] = {3000000000u, 1, 70000, 0, 65536};
    q = quantiles_of(large, 5, sizeof *large);
    CHECK(q.n == 4 && q.at[0] == 1 && q.at[2] == 1 && q.at[3] == 65536 && q.at[4] == 70000 && q.at[7] == 3000000000);
    q = quantiles_of(large + 3, 1, sizeof *large);
    CHECK(q.n == 0 && q.at[0] == 0 && q.at[7] == 0 && q.mean == 0);
}

/* The one that forks comes before there are threads. */
UNIT_MAIN(UNIT(a_full_temporary_folder_is_an_error), UNIT(random_events_agree_with_the_definition), UNIT(a_long_chain_falls_in_memory),
          UNIT(quantiles_are_nearest_ranks))
