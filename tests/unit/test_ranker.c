/* What stands behind score/ranker.h answers as its own functions do. */
#include <stdlib.h>
#include <sysexits.h>

#include "base/mem.h"
#include "base/rng.h"
#include "data/met.h"
#include "score/baselines.h"
#include "score/cooccur.h"
#include "score/lists.h"
#include "score/popular.h"
#include "score/verdict.h"
#include "unit.h"

enum { USERS = 40, ITEMS = 30, K = 7 };

static metric_set_t set;

static const baseline_options_t options = {.cooccur = {.window = 3, .back = 0.3, .power = 0.25, .decay = 0.6}};

static void name_rows(strtab_t *ids, char letter, int count)
{
    for (int i = 0; i < count; i++) {
        char id[8];
        int n = snprintf(id, sizeof id, "%c%d", letter, i);
        strtab_add(ids, id, (size_t)n);
    }
    strtab_index(ids);
}

/* The same interactions every time, and all their users as those who are asked about. */
static held_out_t data(void)
{
    held_out_t h = {.x = {.users = USERS, .items = ITEMS, .user_offsets = NEW_ARRAY(int64_t, USERS + 1)}, .n = USERS, .askers = USERS};
    for (int u = 0; u < USERS; u++) h.x.user_offsets[u + 1] = h.x.user_offsets[u] + 3 + u % 11;
    h.x.events = h.x.user_offsets[USERS];
    h.x.item_index = NEW_ARRAY(int32_t, h.x.events);
    for (int64_t e = 0; e < h.x.events; e++) h.x.item_index[e] = (int32_t)rng_below(1, (uint64_t)e, ITEMS);
    name_rows(&h.x.user_ids, 'u', USERS);
    name_rows(&h.x.item_ids, 'i', ITEMS);
    h.users = NEW_ARRAY(int64_t, USERS);
    h.histories = NEW_ARRAY(history_t, USERS);
    for (int u = 0; u < USERS; u++) {
        h.users[u] = u;
        h.histories[u] = interactions_case(&h.x, (case_t){u, h.x.user_offsets[u + 1] - h.x.user_offsets[u] - 1});
    }
    int64_t *popularity = interactions_popularity(&h.x);
    h.strata = strata_make(popularity, ITEMS);
    free(popularity);
    return h;
}

static void data_free(held_out_t *h)
{
    strata_free(&h->strata);
    free(h->users);
    free(h->histories);
    interactions_free(&h->x);
}

/* Asks all at once, then in two unequal parts: every user must get the wanted list both times. */
static void check_ranker(ranker_t *r, const held_out_t *h, const int32_t *want, const float *want_scores)
{
    int32_t items[USERS * K];
    float scores[USERS * K];
    ranker_query_t q = held_out_query(h, K);
    r->topk(r, &q, K, items, scores);
    CHECK(!memcmp(items, want, sizeof items) && !memcmp(scores, want_scores, sizeof scores));
    memset(items, 0x55, sizeof items);
    ranker_query_t first = {.n = 13, .histories = q.histories, .users = q.users, .width = 2 * K};
    ranker_query_t rest = {.n = USERS - 13, .histories = q.histories + 13, .users = q.users + 13, .width = 2 * K};
    r->topk(r, &first, K, items, scores);
    r->topk(r, &rest, K, items + 13 * K, scores + 13 * K);
    CHECK(!memcmp(items, want, sizeof items) && !memcmp(scores, want_scores, sizeof scores));
}

TEST(popular_behind_the_interface)
{
    held_out_t h = data();
    int32_t want[USERS * K];
    float scores[USERS * K];
    popular_t p = popular_fit(&h.x);
    for (int u = 0; u < USERS; u++) popular_topk(&p, NULL, K, want + u * K, scores + u * K);
    ranker_t *r = popular_ranker(&h.x, NULL);
    CHECK(!strcmp(r->name, "popular"));
    check_ranker(r, &h, want, scores);
    popular_free(&p);
    r->free(r);
    data_free(&h);
}

TEST(cooccur_behind_the_interface)
{
    held_out_t h = data();
    int32_t want[USERS * K];
    float scores[USERS * K];
    cooccur_t c = cooccur_fit(&h.x, &options.cooccur);
    cooccur_topk(&c, USERS, h.histories, K, want, scores);
    ranker_t *r = cooccur_ranker(&h.x, &options);
    CHECK(!strcmp(r->name, "cooccur"));
    check_ranker(r, &h, want, scores);
    cooccur_free(&c);
    r->free(r);
    data_free(&h);
}

enum { HIDDEN = 3 };

static criteria_t criteria(const held_out_t *h)
{
    set = metric_set_read(CUTS_DEFAULT);
    return criteria_new(h, &set, RANKER_SPARE);
}

/* What a ranker's lists of K are worth; they are kept. */
static verdict_t judged(ranker_t *r, const held_out_t *h, const criteria_t *by)
{
    return verdict_of(r, h, by, &(verdict_options_t){.width = K, .k = K, .keep = true});
}

static int32_t *kept(const verdict_t *v)
{
    int32_t *items = NEW_ARRAY(int32_t, v->n * v->k);
    CHECK(spool_get(&v->items, 0, v->n * v->k, items) == v->n * v->k);
    return items;
}

/* Lists of x's items as a file: users and items in falling order, and another id in place of item HIDDEN. */
static recs_t recs(const int32_t *lists)
{
    static int32_t items[USERS * K];
    static st_tensor_t tensor = {.name = "items", .dtype = ST_I32, .dims = 2, .shape = {USERS, K}, .count = USERS * K, .data = (const unsigned char *)items};
    recs_t r = {.name = xstrdup("file"), .lists = USERS, .k = K, .items = &tensor};
    for (int u = USERS - 1; u >= 0; u--) {
        char id[8];
        strtab_add(&r.user_ids, id, (size_t)snprintf(id, sizeof id, "u%d", u));
        for (int i = 0; i < K; i++) items[(USERS - 1 - u) * K + i] = lists[u * K + i] < 0 ? -1 : ITEMS - 1 - lists[u * K + i];
    }
    for (int i = ITEMS - 1; i >= 0; i--) {
        char id[8];
        strtab_add(&r.item_ids, id, (size_t)snprintf(id, sizeof id, i == HIDDEN ? "x%d" : "i%d", i));
    }
    strtab_index(&r.user_ids);
    strtab_index(&r.item_ids);
    return r;
}

TEST(lists_from_a_file_answer_as_what_wrote_them)
{
    held_out_t h = data();
    int32_t lists[USERS * K];
    float scores[USERS * K], none[USERS * K] = {0};
    cooccur_t c = cooccur_fit(&h.x, &options.cooccur);
    cooccur_topk(&c, USERS, h.histories, K, lists, scores);
    lists[5 * K - 1] = -1;
    ranker_t *r = lists_ranker(recs(lists), &h.x);
    CHECK(!strcmp(r->name, "recs"));
    int unknown = 0;
    for (int i = 0; i < USERS * K; i++)
        if (lists[i] == HIDDEN) lists[i] = RANKER_UNKNOWN, unknown++;
    CHECK(unknown > 0);
    check_ranker(r, &h, lists, none);

    int64_t user = 8;
    ranker_query_t q = {.n = 1, .histories = h.histories, .users = &user};
    int32_t longer[K + 2];
    r->topk(r, &q, K + 2, longer, scores);
    CHECK(!memcmp(longer, lists + 8 * K, K * sizeof *lists) && longer[K] == RANKER_NONE && longer[K + 1] == RANKER_NONE);
    r->free(r);
    cooccur_free(&c);
    data_free(&h);
}

static bool missing_are_empty;
static void ask_of_a_file_without_the_user(void)
{
    held_out_t h = data();
    int32_t lists[USERS * K] = {0};
    recs_t file = recs(lists);
    strtab_free(&file.user_ids);
    name_rows(&file.user_ids, 'u', USERS - 1);
    ranker_t *r = lists_ranker(file, &h.x);
    ranker_query_t q = held_out_query(&h, K);
    lists_look(r, &q, K, missing_are_empty);
}

TEST(a_user_without_a_list_ends_the_process_or_has_an_empty_one)
{
    CHECK(unit_exit_code(ask_of_a_file_without_the_user) == EX_DATAERR);
    missing_are_empty = true;
    CHECK(unit_exit_code(ask_of_a_file_without_the_user) == 0);
}

/* A place that repeats an item, and one whose item is unknown, are nobody's; the list goes on behind them. */
TEST(what_counts_for_nothing_keeps_its_place)
{
    held_out_t h = data();
    int32_t lists[USERS * K], items[K];
    float scores[K];
    for (int i = 0; i < USERS * K; i++) lists[i] = i % K < 5 ? (i % K + 10) : -1;
    int32_t *list = lists + 6 * K;
    const history_t *history = &h.histories[6];
    int32_t other = 4;
    for (int64_t i = 0; i < history->count; i++)
        if (history->items[i] == other) other++, i = -1;
    const int32_t met = history->items[0], odd[5] = {met, other, met, other, HIDDEN};
    memcpy(list, odd, sizeof odd);
    CHECK(met != HIDDEN && other < ITEMS);
    ranker_t *r = lists_ranker(recs(lists), &h.x);
    ranker_query_t q = held_out_query(&h, K), one = {.n = 1, .histories = h.histories + 6, .users = h.users + 6};
    const lists_report_t report = lists_look(r, &q, K, false);
    CHECK(report.users == USERS && report.duplicates == 2 && report.unknown == 1 && report.shorter == USERS && !report.missing && !report.unused);
    CHECK(lists_look(r, &one, 5, false).unused == USERS - 1);
    r->topk(r, &one, K, items, scores);
    const int32_t want[K] = {met, other, met, RANKER_UNKNOWN, RANKER_UNKNOWN, RANKER_NONE, RANKER_NONE};
    CHECK(!memcmp(items, want, sizeof items));
    r->free(r);
    data_free(&h);
}

TEST(one_verdict_whoever_gives_the_lists)
{
    held_out_t h = data();
    ranker_t *r = cooccur_ranker(&h.x, &options);
    criteria_t by = criteria(&h);
    verdict_t own = judged(r, &h, &by);
    int32_t shown[USERS * K], *items = kept(&own);
    for (int i = 0; i < USERS * K; i++) shown[i] = items[i] == HIDDEN ? -1 : items[i];
    memcpy(shown, items, sizeof shown);
    ranker_t *lists = lists_ranker(recs(shown), &h.x);
    verdict_t theirs = judged(lists, &h, &by);
    int differ = 0;
    for (int u = 0; u < USERS; u++) differ += own.ranks[0].rank[u] != theirs.ranks[0].rank[u] && h.histories[u].target != HIDDEN;
    CHECK(!differ && own.n == USERS && own.k == K && !strcmp(theirs.name, "recs"));
    for (int p = 0; p < PARTITIONS; p++) {
        int64_t users = 0;
        for (int i = 0; i < by.parts[p].count; i++) users += own.parts[p][i][PROTOCOL_ALL].users;
        CHECK(users == (p == PARTITION_TIE ? 0 : USERS)); /* there are no times */
    }
    CHECK(own.all[0].users == USERS && isnan(variety_coverage(&own.variety, VARIETY_PLACES)));
    verdict_free(&own);
    verdict_free(&theirs);
    criteria_free(&by);
    r->free(r);
    lists->free(lists);
    data_free(&h);
}

/* Ranks under either protocol, from one long list a user. */
TEST(a_verdict_has_both_protocols)
{
    held_out_t h = data();
    ranker_t *r = cooccur_ranker(&h.x, &options);
    criteria_t by = criteria(&h);
    verdict_t v = judged(r, &h, &by);
    int32_t all[ITEMS], *items = kept(&v);
    float scores[ITEMS];
    ranker_query_t q = held_out_query(&h, K);
    int apart = 0;
    for (int u = 0; u < USERS; u++) {
        int32_t place = 0, others = 0, want = 0, want_unseen = 0;
        q.n = 1;
        q.histories = &h.histories[u];
        r->topk(r, &q, ITEMS, all, scores);
        for (; place < ITEMS; place++) {
            bool met = false;
            for (int64_t i = 0; i < h.histories[u].count; i++) met |= h.histories[u].items[i] == all[place];
            others += !met;
            if (all[place] != h.histories[u].target) continue;
            if (place < K) want = place + 1;
            if (!met && others <= RANKER_SPARE) want_unseen = others;
        }
        CHECK(v.ranks[PROTOCOL_ALL].rank[u] == want && v.ranks[PROTOCOL_UNSEEN].rank[u] == want_unseen);
        CHECK(!memcmp(items + u * K, all, K * sizeof *all));
        apart += want != want_unseen;
    }
    CHECK(apart > 5 && v.ranks[PROTOCOL_ALL].k == K && v.ranks[PROTOCOL_UNSEEN].k == RANKER_SPARE);
    CHECK(isnan(v.all[PROTOCOL_ALL].value[2])); /* hr@10 */
    CHECK(!isnan(v.all[PROTOCOL_UNSEEN].value[2]) && isnan(v.all[PROTOCOL_UNSEEN].value[3]));
    free(items);
    verdict_free(&v);
    criteria_free(&by);
    r->free(r);
    data_free(&h);
}

/* Lists from a file are as long as they are: the cuts that everyone's others reach are told, and no rank beyond them. */
TEST(short_lists_leave_fewer_others)
{
    held_out_t h = data();
    int32_t shown[USERS * K];
    int64_t fewest = K;
    met_t met = met_new(ITEMS);
    for (int u = 0; u < USERS; u++) {
        int32_t copy[K];
        for (int i = 0; i < K; i++) copy[i] = shown[u * K + i] = (u * 3 + i * 4 + (i == 0)) % (ITEMS - 1);
        met_take(&met, &h.histories[u]);
        const int64_t left = met_leave_out(&met, K, copy, NULL);
        fewest = left < fewest ? left : fewest;
    }
    CHECK(fewest >= 1 && fewest < K);
    ranker_t *lists = lists_ranker(recs(shown), &h.x);
    criteria_t by = criteria(&h);
    verdict_t v = judged(lists, &h, &by);
    CHECK(lists->longest == K && v.ranks[PROTOCOL_UNSEEN].k == fewest);
    for (int u = 0; u < USERS; u++) CHECK(v.ranks[PROTOCOL_UNSEEN].rank[u] <= fewest);
    verdict_free(&v);
    lists->free(lists);

    for (int i = 1; i < K; i++) shown[5 * K + i] = -1; /* that list has ended by itself: it is no reason to cut everyone's */
    for (int i = 0; i < K; i++) shown[7 * K + i] = h.histories[7].items[0]; /* nothing remains of this one */
    lists = lists_ranker(recs(shown), &h.x);
    v = judged(lists, &h, &by);
    CHECK(v.ranks[PROTOCOL_UNSEEN].k == 0);
    for (int m = 0; m < set.count; m++) CHECK(isnan(v.all[PROTOCOL_UNSEEN].value[m]));
    verdict_free(&v);
    criteria_free(&by);
    lists->free(lists);
    met_free(&met);
    data_free(&h);
}

static const char *list;
static void read_list(void)
{
    const baseline_t *chosen[BASELINE_COUNT];
    baselines_read(list, chosen);
}

TEST(baselines_by_name)
{
    held_out_t h = data();
    const baseline_t *chosen[BASELINE_COUNT];
    CHECK(baselines_read(NULL, chosen) == 0 && baselines_read("", chosen) == 0);
    CHECK(baselines_read("cooccur,popular", chosen) == 2);
    CHECK(!strcmp(chosen[0]->name, "cooccur") && !strcmp(chosen[1]->name, "popular"));
    for (int i = 0; i < 2; i++) {
        ranker_t *r = chosen[i]->fit(&h.x, &options);
        CHECK(!strcmp(r->name, chosen[i]->name));
        r->free(r);
    }
    CHECK(baselines_read("popular,", chosen) == 1 && !strcmp(chosen[0]->name, "popular"));
    static const char *const wrong[] = {"best", "popular,popular", "popular,cooccur,popular", ",popular", "pop", "popular x"};
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        list = wrong[i];
        CHECK(unit_exit_code(read_list) == EX_USAGE);
    }
    data_free(&h);
}

UNIT_MAIN(UNIT(popular_behind_the_interface), UNIT(cooccur_behind_the_interface),
          UNIT(lists_from_a_file_answer_as_what_wrote_them), UNIT(a_user_without_a_list_ends_the_process_or_has_an_empty_one),
          UNIT(what_counts_for_nothing_keeps_its_place),
          UNIT(one_verdict_whoever_gives_the_lists), UNIT(a_verdict_has_both_protocols),
          UNIT(short_lists_leave_fewer_others), UNIT(baselines_by_name))
