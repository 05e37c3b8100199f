/* The parts of a mixture, its weights and its lists against what their definitions say. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "blend/accumulator.h"
#include "blend/appraiser.h"
#include "blend/cooccurrence.h"
#include "blend/fitting.h"
#include "blend/likeness.h"
#include "blend/mixer.h"
#include "blend/mixture.h"
#include "blend/sources.h"
#include "small_model.h"
#include "unit.h"

enum { DIM = 3 };

/* The best of many offers, equal ones among them, in order. */
TEST(accumulator_keeps_the_best)
{
    enum { ITEMS = 50, TOUCHED = 30 };
    accumulator_t a = accumulator_new(ITEMS);
    for (int round = 0; round < 20; round++) {
        accumulator_clear(&a);
        for (int i = 0; i < 2 * TOUCHED; i++)
            accumulate(&a, (int32_t)(i * 7 % TOUCHED), (double)rng_below((uint64_t)round, (uint64_t)i, 5));
        ranking_item_t all[ITEMS], best[ITEMS];
        for (int64_t i = 0; i < a.count; i++) all[i] = (ranking_item_t){a.sum[a.list[i]], a.list[i]};
        qsort(all, (size_t)a.count, sizeof *all, ranking_best_first);
        const int64_t m = 1 + round * 2;
        const int64_t n = accumulator_best(&a, NULL, m, best);
        CHECK(a.count == TOUCHED && n == (m < TOUCHED ? m : TOUCHED));
        for (int64_t i = 0; i < n; i++) CHECK(best[i].item == all[i].item && best[i].score == all[i].score);
    }
    accumulator_clear(&a);
    for (int i = 0; i < ITEMS; i++) CHECK(a.sum[i] == 0 && !a.touched[i]);
    accumulator_free(&a);
}

/* Rows by hand: cosines 1, 0.6, 0; a zero row is near none. */
TEST(likeness_by_hand)
{
    const float x[] = {1, 0, 0, 2, 0, 0, 3, 4, 0, 0, 0, 0, 0, 0, 5};
    csr_t t = likeness_rows(x, 5, DIM, &(likeness_options_t){.count = 2, .temperature = 0.5});
    const int64_t offsets[] = {0, 2, 4, 6, 6, 8};
    const int32_t index[] = {1, 2, 0, 2, 0, 1, 0, 1};
    CHECK(!memcmp(t.offsets, offsets, sizeof offsets) && !memcmp(t.index, index, sizeof index));
    CHECK_NEAR(t.value[0], 1 / (1 + exp(-0.8)), 1e-6);
    CHECK_NEAR(t.value[0] + t.value[1], 1, 1e-6);
    CHECK_NEAR(t.value[4], 0.5, 1e-6);
    csr_free(&t);
}

TEST(likeness_whatever_the_threads)
{
    enum { ITEMS = 300 };
    float *x = NEW_ARRAY(float, ITEMS * DIM);
    csr_t t[2];
    for (int i = 0; i < ITEMS * DIM; i++) x[i] = (float)rng_normal(1, (uint64_t)i);
    for (int i = 0; i < 2; i++) {
        parallel_threads(i + 1);
        t[i] = likeness_rows(x, ITEMS, DIM, &(likeness_options_t){.count = 7, .temperature = 0.1});
    }
    CHECK(!memcmp(t[0].index, t[1].index, ITEMS * 7 * sizeof *t[0].index));
    CHECK(!memcmp(t[0].value, t[1].value, ITEMS * 7 * sizeof *t[0].value));
    for (int i = 0; i < 2; i++) csr_free(&t[i]);
    parallel_threads(1);
    free(x);
}

/* Six items with both tables. */
static sources_t sources(protocol_t protocol)
{
    static const float x[] = {1, 0, 0, 1, 1, 0, 0, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 1};
    sources_t e = {.items = 6, .hops = 3, .protocol = protocol, .decay = {0.6, 0.7}};
    e.tables[TABLE_COOCCUR] =
        cooccurrence_rows(&small_interactions, &(cooccur_options_t){.window = 2, .back = 0.3, .power = 0.25, .decay = 0.6});
    e.tables[TABLE_NEIGHBOURS] = likeness_rows(x, 6, DIM, &(likeness_options_t){.count = 2, .temperature = 0.2});
    e.popularity = interactions_popularity(&small_interactions);
    sources_prepare(&e);
    return e;
}

static const bool all_parts[PARTS] = {true, true, true, true, true, true, true};
static const int32_t asked_items[] = {0, 2, 4, 2};
static const history_t asked = {asked_items, 4, 5};

/* A step by a table from a row of weights, the slow way. */
static void step(const csr_t *t, const double *from, bool of_totals, double *to)
{
    for (int64_t i = 0; i < t->rows; i++) {
        double total = 0;
        for (int64_t e = t->offsets[i]; e < t->offsets[i + 1]; e++) total += (double)t->value[e];
        for (int64_t e = t->offsets[i]; e < t->offsets[i + 1] && total > 0; e++)
            to[t->index[e]] += from[i] * (double)t->value[e] / (of_totals ? total : 1);
    }
}

static void keep_best(double *w, int m)
{
    for (int i = 0, better; i < 6; i++) {
        better = 0;
        for (int j = 0; j < 6; j++) better += fabs(w[j]) > fabs(w[i]) || (fabs(w[j]) == fabs(w[i]) && j < i);
        if (better >= m) w[i] = -w[i];
    }
    for (int i = 0; i < 6; i++) w[i] = w[i] > 0 ? w[i] : 0;
}

static void check_part(const sources_t *e, const sources_answer_t *a, part_t part, const double *weight)
{
    double mass = 0, sum = 0;
    for (int i = 0; i < 6; i++) mass += e->protocol == PROTOCOL_UNSEEN && (i == 0 || i == 2 || i == 4) ? 0 : weight[i];
    for (int32_t i = 0; i < 6; i++) {
        const double p = sources_probability(e, a, part, i);
        CHECK_NEAR(p, mass > 0 ? weight[i] / mass : 0, 1e-9);
        sum += e->protocol == PROTOCOL_UNSEEN && (i == 0 || i == 2 || i == 4) ? 0 : p;
    }
    CHECK_NEAR(sum, mass > 0, 1e-9);
    ranking_item_t best[6];
    const int64_t n = sources_best(e, a, part, NULL, 6, best);
    for (int64_t i = 1; i < n; i++) CHECK(best[i].score <= best[i - 1].score);
}

static void check_sources(protocol_t protocol)
{
    sources_t e = sources(protocol);
    sources_answer_t a = sources_answer_new(&e);
    double from[TABLES][6] = {{0}}, one[TABLES][6] = {{0}}, first[6], two[6] = {0}, repeats[6] = {0}, popular[6];
    for (int t = 0; t < TABLES; t++) {
        for (int i = 0; i < 4; i++) from[t][asked_items[i]] += pow(e.decay[t], 3 - i);
        step(&e.tables[t], from[t], false, one[t]);
    }
    sources_ask(&e, &(history_t){asked_items, 2, -1}, NULL, all_parts, &a); /* what an answer before leaves behind is nothing */
    sources_ask(&e, &asked, NULL, all_parts, &a);
    check_part(&e, &a, PART_COOCCUR, one[TABLE_COOCCUR]);
    check_part(&e, &a, PART_NEIGHBOURS, one[TABLE_NEIGHBOURS]);
    memcpy(first, one[TABLE_COOCCUR], sizeof first);
    keep_best(first, 3);
    step(&e.tables[TABLE_NEIGHBOURS], first, true, two);
    check_part(&e, &a, PART_COOCCUR_NEIGHBOURS, two);
    memset(two, 0, sizeof two);
    memcpy(first, one[TABLE_NEIGHBOURS], sizeof first);
    keep_best(first, 3);
    step(&e.tables[TABLE_COOCCUR], first, true, two);
    check_part(&e, &a, PART_NEIGHBOURS_COOCCUR, two);
    for (int i = 0; i < 4; i++) repeats[asked_items[i]] += pow(0.6, 3 - i);
    if (protocol == PROTOCOL_ALL) check_part(&e, &a, PART_REPEAT, repeats);
    for (int i = 0; i < 6; i++) popular[i] = (double)e.popularity[i] + 1;
    check_part(&e, &a, PART_POPULAR, popular);
    CHECK(sources_has(&e, PART_REPEAT) == (protocol == PROTOCOL_ALL));
    sources_answer_free(&a);
    sources_free(&e);
}

TEST(parts_are_distributions) { check_sources(PROTOCOL_ALL); check_sources(PROTOCOL_UNSEEN); }

/* What cases drawn from a mixture of three known distributions say about its weights. */
TEST(weights_are_found_again)
{
    enum { N = 40000, S = 3, V = 8 };
    const double truth[2][S] = {{0.6, 0.3, 0.1}, {0.1, 0.2, 0.7}};
    double *p = NEW_ARRAY(double, N * S), weight[3 * S], part[S][V] = {{0}};
    uint8_t *bin = NEW_ARRAY(uint8_t, N);
    for (int v = 0; v < V; v++) {
        part[0][v] = v < 4 ? 0.25 : 0;
        part[1][v] = v % 2 ? 0.25 : 0;
        part[2][v] = 1.0 / V;
    }
    for (int i = 0; i < N; i++) {
        bin[i] = (uint8_t)(i % 2);
        const double *w = truth[bin[i]], u = (double)rng_uniform(3, (uint64_t)i);
        const int s = u < w[0] ? 0 : u < w[0] + w[1] ? 1 : 2;
        int v = 0;
        for (double left = (double)rng_uniform(4, (uint64_t)i); left >= part[s][v] && v + 1 < V; v++) left -= part[s][v];
        for (int t = 0; t < S; t++) p[i * S + t] = part[t][v];
    }
    const mixture_cases_t c = {N, S, 3, p, bin};
    mixture_fit(&c, 0, weight);
    for (int b = 0; b < 2; b++)
        for (int s = 0; s < S; s++) CHECK_NEAR(weight[b * S + s], truth[b][s], 0.03);
    for (int s = 0; s < S; s++) CHECK_NEAR(weight[2 * S + s], (truth[0][s] + truth[1][s]) / 2, 0.03); /* a bin without cases */
    double pulled[3 * S];
    mixture_fit(&c, 1e9, pulled); /* a prior so strong that all bins are alike */
    for (int s = 0; s < S; s++) CHECK_NEAR(pulled[s], weight[2 * S + s], 1e-4);
    int64_t count;
    CHECK(mixture_likelihood(&c, weight, &count) > mixture_likelihood(&c, pulled, &count) && count == N);
    free(p);
    free(bin);
}

/* Cases that no part gives anything, and none at all. */
TEST(unreachable_cases_say_nothing)
{
    const double p[] = {0, 0, 0.5, 0};
    const uint8_t bin[] = {0, 0};
    double weight[2];
    int64_t count;
    mixture_fit(&(mixture_cases_t){2, 2, 1, p, bin}, 0, weight);
    CHECK(weight[0] == 1 && weight[1] == 0);
    CHECK_NEAR(mixture_likelihood(&(mixture_cases_t){2, 2, 1, p, bin}, weight, &count), log(0.5), 1e-12);
    CHECK(count == 1);
    mixture_fit(&(mixture_cases_t){1, 2, 1, p, bin}, 0, weight);
    CHECK_NEAR(weight[0] + weight[1], 1, 1e-12);
}

typedef struct {
    space_t space;
    model_t *model;
    network_t *net;
    blend_t blend;
    mixer_t *mixer;
    appraiser_t *appraiser;
} fixture_t;

/* What one user's history has put into co-occurrence is as if that user had never been there, but for the normalisation. */
TEST(a_history_s_own_pairs_are_forgotten)
{
    const cooccur_options_t o = {.window = 2, .back = 0.3, .power = 0.25, .decay = 0.6}, plain = {.window = 2, .back = 0.3, .decay = 0.6};
    const int64_t second[] = {0, 5};
    const interactions_t other = {.users = 1, .events = 5, .items = 6, .user_offsets = (int64_t *)second, .item_index = small_events + 6};
    const history_t own = {small_events, 4, -1}, asks = {small_events, 3, 1};
    sources_t e = sources(PROTOCOL_ALL);
    csr_t counts = cooccurrence_rows(&other, &plain);
    sources_answer_t all = sources_answer_new(&e), a = sources_answer_new(&e);
    double expected[6] = {0}, weight = 1;
    e.cooccur = o;
    for (int64_t i = asks.count - 1; i >= 0; i--, weight *= e.decay[TABLE_COOCCUR])
        for (int64_t c = counts.offsets[asks.items[i]]; c < counts.offsets[asks.items[i] + 1]; c++)
            expected[counts.index[c]] += weight * (double)counts.value[c] /
                                         pow((double)(e.popularity[asks.items[i]] * e.popularity[counts.index[c]]), o.power);
    sources_ask(&e, &asks, NULL, all_parts, &all);
    sources_ask(&e, &asks, &own, all_parts, &a);
    CHECK(all.sum[PART_COOCCUR].sum[1] > a.sum[PART_COOCCUR].sum[1] + 0.1);
    for (int i = 0; i < 6; i++) CHECK_NEAR(a.sum[PART_COOCCUR].sum[i], expected[i], 1e-6);
    CHECK(a.sum[PART_COOCCUR].sum[4] == 0 && all.sum[PART_COOCCUR].sum[4] > 0); /* which the other user has not met in training */
    sources_answer_free(&all);
    sources_answer_free(&a);
    csr_free(&counts);
    sources_free(&e);
}

static fixture_t *fixture(protocol_t protocol)
{
    static const double weights[] = {0.3, 0.2, 0.15, 0.1, 0.1, 0.05, 0.1, 0.1, 0.2, 0.3, 0.1, 0.1, 0.1, 0.1};
    fixture_t *f = NEW(fixture_t);
    f->space = space_make(&small_sids, SOFTMAX_TRIE, BODY_FLAT, 4);
    f->model = small_model(f->space.vocab.size);
    f->net = network_new(f->model, backend_open("f32"), space_positions(&f->space));
    f->blend = (blend_t){.sources = sources(protocol), .bins = 2, .edge = {0, 4}, .groups = 2, .group_edge = {0, 3}};
    for (part_t p = 0; p < PARTS; p++)
        if (p == PART_GENERATOR || sources_has(&f->blend.sources, p)) f->blend.part[f->blend.parts++] = p;
    f->blend.mixing = mixing_new(2, 2, f->blend.parts);
    for (int i = 0; i < 2 * f->blend.parts; i++) f->blend.mixing.weight[i] = weights[i];
    for (int i = 0; i < 2 * f->blend.parts; i++) f->blend.mixing.factor[i] = 0.5 + weights[i];
    f->mixer = mixer_new(&f->blend, f->net, &f->space, 2);
    f->appraiser = appraiser_new(&f->blend, f->net, &f->space);
    return f;
}

static void release(fixture_t *f)
{
    mixer_free(f->mixer);
    appraiser_free(f->appraiser);
    sources_free(&f->blend.sources);
    mixing_free(&f->blend.mixing);
    network_free(f->net);
    model_free(f->model);
    space_free(&f->space);
    free(f);
}

static const history_t histories[] = {{asked_items, 4, 5}, {asked_items + 2, 1, 3}, {asked_items, 0, 1}, {small_events, 6, 0}};
enum { HISTORIES = 4 };

/* The score of an item from what every part gives it, the slow way. */
static double score_of(const blend_t *b, const history_t *h, int32_t item, const double *p)
{
    double sum = 0, votes = 0;
    if (!h->count) return log(p[blend_place(b, PART_POPULAR)]);
    for (int s = 0; s < b->parts; s++) {
        sum += b->mixing.weight[blend_bin(b, h) * b->parts + s] * b->mixing.factor[blend_group(b, item) * b->parts + s] * p[s];
        votes += b->mixing.power[1 + s] * log(p[s] + MIXING_FLOOR);
    }
    return b->mixing.power[0] * log(sum) + votes;
}

/* Each history's lists against each item's probabilities. */
static void check_lists(protocol_t protocol, double power)
{
    fixture_t *f = fixture(protocol);
    const blend_t *b = &f->blend;
    int32_t items[HISTORIES * 6];
    float scores[HISTORIES * 6];
    double p[6 * PARTS];
    for (int s = 1; s <= b->parts; s++) f->blend.mixing.power[s] = power * s;
    mixer_topk(f->mixer, &b->mixing, HISTORIES, histories, 6, 0, 6, items, scores);
    for (int h = 0; h < HISTORIES; h++) {
        appraiser_run(f->appraiser, 1, &histories[h], (int64_t[]){0, 6}, (int32_t[]){0, 1, 2, 3, 4, 5}, p);
        for (int i = 0; i < 6; i++) {
            const int32_t item = items[h * 6 + i];
            const double expected = item < 0 ? -INFINITY : score_of(b, &histories[h], item, p + item * b->parts);
            bool met = false;
            for (int64_t j = 0; j < histories[h].count; j++) met = met || histories[h].items[j] == item;
            if (isfinite(expected) && !(met && protocol == PROTOCOL_UNSEEN)) CHECK_NEAR(scores[h * 6 + i], expected, 1e-4);
            if (i && item >= 0) CHECK(scores[h * 6 + i] <= scores[h * 6 + i - 1]);
        }
        int32_t again[6];
        float found[6];
        mixer_topk(f->mixer, &b->mixing, 1, &histories[h], 2, 0, 3, again, found); /* with a narrow beam */
        for (int i = 0; i < 3; i++) CHECK(again[i] == items[h * 6 + i] && fabsf(found[i] - scores[h * 6 + i]) < 1e-4f);
    }
    release(f);
}

TEST(lists_hold_every_part_s_probabilities) { check_lists(PROTOCOL_ALL, 0); check_lists(PROTOCOL_UNSEEN, 0); }
TEST(lists_hold_every_part_s_votes)
{
    check_lists(PROTOCOL_ALL, 0.03);
    check_lists(PROTOCOL_UNSEEN, 0.03);
    check_lists(PROTOCOL_ALL, -0.2);
    check_lists(PROTOCOL_UNSEEN, -0.2);
}

/* Lists held to some items are those of all without the others: of few, which are all scored, and of so many that parts are asked
 * for their best, here one each; with a beam that finds all and one that does not. */
static void check_restricted(protocol_t protocol, int64_t candidates)
{
    fixture_t *f = fixture(protocol);
    const blend_t *b = &f->blend;
    mixer_t *held_mixer = mixer_new(b, f->net, &f->space, candidates);
    item_set_t *set = item_set_new(6, &f->space.trie);
    const item_set_t *sets[HISTORIES] = {set, set, set, NULL};
    for (int32_t i = 1; i < 6; i += 2) item_set_add(set, i);
    int32_t all[HISTORIES * 6], held[HISTORIES * 6];
    float score[HISTORIES * 6], held_score[HISTORIES * 6];
    mixer_topk(f->mixer, &b->mixing, HISTORIES, histories, 6, 0, 6, all, score);
    mixer_restrict(held_mixer, sets);
    for (int beam = 2; beam <= 6; beam += 4) {
        const int k = beam == 6 ? 6 : 2;
        mixer_topk(held_mixer, &b->mixing, HISTORIES, histories, beam, 0, k, held, held_score);
        for (int h = 0; h < HISTORIES; h++) {
            int n = 0;
            for (int i = 0; i < 6 && n < k; i++) {
                const int32_t item = all[h * 6 + i];
                if (item < 0 || (sets[h] && !item_set_holds(set, item))) continue;
                CHECK(held[h * k + n] == item);
                CHECK_NEAR(held_score[h * k + n], score[h * 6 + i], 1e-4);
                n++;
            }
            CHECK(n == k || held[h * k + n] == -1);
        }
    }
    item_set_free(set);
    mixer_free(held_mixer);
    release(f);
}

TEST(lists_are_held_to_a_set)
{
    for (int64_t candidates = 1; candidates <= 6; candidates += 5) {
        check_restricted(PROTOCOL_ALL, candidates);
        check_restricted(PROTOCOL_UNSEEN, candidates);
    }
}

/* Each item's parts and votes make its score, and asking for them changes no list. */
static void check_unfolding(protocol_t protocol, double power)
{
    enum { K = 5 };
    fixture_t *f = fixture(protocol);
    const mixing_t *how = &f->blend.mixing;
    unfolding_t unfoldings[HISTORIES] = {0}, *wanted[HISTORIES] = {&unfoldings[0], NULL, &unfoldings[2], &unfoldings[3]};
    int32_t items[2][HISTORIES * K];
    float scores[2][HISTORIES * K];
    for (int s = 1; s <= f->blend.parts; s++) f->blend.mixing.power[s] = power * s;
    f->blend.mixing.even = power;
    for (int t = 0; t < 2; t++) {
        mixer_unfold(f->mixer, t ? wanted : NULL);
        mixer_topk(f->mixer, how, HISTORIES, histories, 3, 1, K, items[t], scores[t]);
    }
    CHECK(!memcmp(items[0], items[1], sizeof items[0]) && !memcmp(scores[0], scores[1], sizeof scores[0]));
    for (int h = 0; h < HISTORIES; h++) {
        const unfolding_t *u = &unfoldings[h];
        CHECK((u->count > 0) == (h != 1) && (u->trail.levels > 0) == (u->found_count > 0) && !u->found == (h == 1 || h == 2));
        for (int64_t i = 0; i < u->count; i++) {
            const unfolding_item_t *item = unfolding_item(u, items[0][h * K + i]);
            CHECK(item == &u->items[i]);
            double sum = 0;
            for (part_t p = 0; p < PARTS; p++) sum += item->part[p];
            CHECK_NEAR(u->power * log(sum) + item->votes, scores[0][h * K + i], 1e-5);
            CHECK(h == 2 ? sum == item->part[PART_POPULAR] : fabs(power) > 0 ? fabs(item->votes) > 0 : !(fabs(item->votes) > 0));
        }
        CHECK(unfolding_item(u, 99) == NULL);
        unfolding_free(&unfoldings[h]);
    }
    mixer_unfold(f->mixer, NULL);
    release(f);
}

TEST(unfoldings_add_up)
{
    check_unfolding(PROTOCOL_ALL, 0);
    check_unfolding(PROTOCOL_UNSEEN, 0);
    check_unfolding(PROTOCOL_UNSEEN, 0.03);
}

TEST(threads_do_not_matter)
{
    fixture_t *f = fixture(PROTOCOL_UNSEEN);
    enum { N = 100 };
    history_t many[N];
    int32_t items[2][N * 4];
    float scores[2][N * 4];
    double p[2][N * PARTS];
    int64_t offsets[N + 1] = {0};
    int32_t targets[N];
    for (int i = 0; i < N; i++) {
        many[i] = histories[i % HISTORIES];
        targets[i] = i % 6;
        offsets[i + 1] = i + 1;
    }
    for (int t = 0; t < 2; t++) {
        parallel_threads(t + 1);
        memset(p[t], 0, sizeof p[t]);
        mixer_topk(f->mixer, &f->blend.mixing, N, many, 3, 1, 4, items[t], scores[t]);
        appraiser_run(f->appraiser, N, many, offsets, targets, p[t]);
    }
    CHECK(!memcmp(items[0], items[1], sizeof items[0]) && !memcmp(scores[0], scores[1], sizeof scores[0]));
    CHECK(!memcmp(p[0], p[1], sizeof p[0]));
    parallel_threads(1);
    release(f);
}

UNIT_MAIN(UNIT(accumulator_keeps_the_best), UNIT(likeness_by_hand), UNIT(likeness_whatever_the_threads),
          UNIT(a_history_s_own_pairs_are_forgotten),
          UNIT(parts_are_distributions), UNIT(weights_are_found_again), UNIT(unreachable_cases_say_nothing),
          UNIT(lists_hold_every_part_s_probabilities), UNIT(lists_hold_every_part_s_votes), UNIT(lists_are_held_to_a_set), UNIT(unfoldings_add_up),
          UNIT(threads_do_not_matter))
