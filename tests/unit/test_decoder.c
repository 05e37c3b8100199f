/* Beam search against brute force: every item scored by a whole forward pass over history and SID. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "data/met.h"
#include "gen/decoder.h"
#include "gen/scorer.h"
#include "nn/embedding.h"
#include "nn/model.h"
#include "nn/transformer.h"
#include "unit.h"

enum { ITEMS = 40, LEVELS = 3, CODES = 4, D = 16, MAX_ITEMS = 6, MAX_ROWS = 1 + (MAX_ITEMS + 1) * (LEVELS + 1), USERS = 70 };

typedef struct {
    int32_t code[ITEMS * LEVELS], suffix[ITEMS], events[USERS * 8];
    history_t histories[USERS];
    sids_t sids;
    space_t space;
    model_t *model;
    network_t *net;
    activations_t *acts;
    decoder_t *decoder;
} fixture_t;

/* Random SIDs, some with suffixes; histories of 0 to 7 items, the longest longer than what is read. `gain` 0: a model that
 * knows nothing, for which all codes are equally likely. */
static fixture_t *fixture(softmax_t softmax, float gain)
{
    fixture_t *f = NEW(fixture_t);
    for (int i = 0; i < ITEMS * LEVELS; i++) f->code[i] = (int32_t)rng_below(1, (uint64_t)i, CODES);
    f->sids = (sids_t){.items = ITEMS, .levels = LEVELS, .codes = CODES, .max_suffix = 5, .code = f->code, .suffix = f->suffix};
    sids_assign_suffixes(&f->sids, SUFFIX_COLLIDE);
    f->space = space_make(&f->sids, softmax, BODY_FLAT, MAX_ITEMS);
    f->model = model_new((model_config_t){.hidden_size = D, .num_hidden_layers = 2, .num_attention_heads = 2, .num_key_value_heads = 1,
                                          .head_dim = 8, .intermediate_size = 24, .vocab_size = f->space.vocab.size,
                                          .max_position_embeddings = MAX_ROWS, .rms_norm_eps = 1e-6, .rope_theta = 10000});
    model_init(f->model, 3);
    for (int i = 0; i < f->model->params.count; i++)
        for (int64_t j = 0; f->model->params.blocks[i].decay && j < f->model->params.blocks[i].count; j++)
            params_values(&f->model->params, i)[j] *= gain;
    f->net = network_new(f->model, backend_open("f32"), MAX_ROWS);
    f->acts = activations_new(f->net, PASS_TRAIN, MAX_ROWS, MAX_ROWS, 0);
    f->decoder = decoder_new(f->net, &f->space, 1);
    for (int i = 0; i < USERS * 8; i++) f->events[i] = (int32_t)rng_below(2, (uint64_t)i, ITEMS);
    for (int u = 0; u < USERS; u++) f->histories[u] = (history_t){f->events + u * 8, u % 8, -1};
    return f;
}

static void release(fixture_t *f)
{
    decoder_free(f->decoder);
    activations_free(f->acts);
    network_free(f->net);
    model_free(f->model);
    space_free(&f->space);
    free(f);
}

/* log p of an item's SID after the last MAX_ITEMS items of a history. */
static double brute_force(fixture_t *f, const history_t *h, int32_t item)
{
    int32_t tokens[MAX_ROWS + LEVELS + 1], sid[SID_MAX_TOKENS];
    int64_t rows = 0;
    tokens[rows++] = f->space.vocab.bos;
    for (int64_t i = h->count > MAX_ITEMS ? h->count - MAX_ITEMS : 0; i < h->count; i++)
        rows += vocab_sid(&f->space.vocab, &f->sids, h->items[i], tokens + rows);
    int length = vocab_sid(&f->space.vocab, &f->sids, item, sid);
    for (int l = 0; l + 1 < length; l++) tokens[rows++] = sid[l];

    embedding_rows(f->model, rows, tokens, activations_input(f->acts));
    const int64_t bounds[] = {0, rows};
    const float *states = transformer_forward(f->net, f->acts, &(segments_t){rows, 1, bounds, NULL}, 0, 0, NULL);

    double score = 0;
    int64_t node = 0;
    for (int l = 0; l < length; l++) {
        const float *state = states + (rows - length + l) * D;
        double sum = 0, right = 0;
        int first = l < LEVELS ? 1 + l * CODES : 1 + LEVELS * CODES, count = l < LEVELS ? CODES : 5;
        for (int32_t t = first; t < first + count; t++) {
            if (f->space.softmax == SOFTMAX_TRIE && trie_child(&f->space.trie, node, t) < 0) continue;
            double logit = 0;
            for (int i = 0; i < D; i++) logit += state[i] * model_embedding(f->model, t)[i];
            sum += exp(logit);
            if (t == sid[l]) right = logit;
        }
        score += right - log(sum);
        node = trie_child(&f->space.trie, node, sid[l]);
    }
    return score;
}

static void check_ranking(softmax_t softmax)
{
    fixture_t *f = fixture(softmax, 15);
    int32_t *item = NEW_ARRAY(int32_t, USERS * ITEMS);
    float *score = NEW_ARRAY(float, USERS * ITEMS);
    decoder_topk(f->decoder, USERS, f->histories, ITEMS, 0, ITEMS, item, score);
    for (int u = 0; u < USERS; u++) {
        int seen[ITEMS] = {0};
        for (int i = 0; i < ITEMS; i++) {
            const int32_t it = item[u * ITEMS + i];
            CHECK(it >= 0 && it < ITEMS);
            if (it < 0 || it >= ITEMS) continue;
            seen[it]++;
            CHECK_NEAR(score[u * ITEMS + i], brute_force(f, &f->histories[u], it), 2e-5);
            if (i) CHECK(score[u * ITEMS + i] <= score[u * ITEMS + i - 1]);
        }
        for (int i = 0; i < ITEMS; i++) CHECK(seen[i] == 1);
    }
    free(item);
    free(score);
    release(f);
}

TEST(whole_ranking_trie_softmax) { check_ranking(SOFTMAX_TRIE); }
TEST(whole_ranking_level_softmax) { check_ranking(SOFTMAX_LEVEL); }

/* Every item of every history, from the last to the first and each of them twice, and none for every fifth history. */
static int64_t ask_for_all(int64_t *offsets, int32_t *items)
{
    int64_t n = 0;
    for (int u = 0; u < USERS; u++) {
        for (int i = 0; u % 5 && i < 2 * ITEMS; i++) items[n++] = (2 * ITEMS - 1 - i) / 2;
        offsets[u + 1] = n;
    }
    return n;
}

static void check_scorer(softmax_t softmax)
{
    fixture_t *f = fixture(softmax, 15);
    scorer_t *scorer = scorer_new(f->net, &f->space, 1);
    int64_t offsets[USERS + 1] = {0};
    int32_t *items = NEW_ARRAY(int32_t, USERS * ITEMS * 2);
    float *scores[2] = {NEW_ARRAY(float, USERS * ITEMS * 2), NEW_ARRAY(float, USERS * ITEMS * 2)};
    const int64_t n = ask_for_all(offsets, items);
    for (int t = 0; t < 2; t++) {
        parallel_threads(t + 1);
        scorer_run(scorer, USERS, f->histories, offsets, items, scores[t]);
    }
    parallel_threads(1);
    CHECK(!memcmp(scores[0], scores[1], (size_t)n * sizeof(float)));
    for (int u = 0; u < USERS; u++)
        for (int64_t i = offsets[u]; i < offsets[u + 1]; i++)
            CHECK_NEAR(scores[0][i], brute_force(f, &f->histories[u], items[i]), 2e-5);
    scorer_free(scorer);
    free(items);
    free(scores[0]);
    free(scores[1]);
    release(f);
}

TEST(given_items_trie_softmax) { check_scorer(SOFTMAX_TRIE); }
TEST(given_items_level_softmax) { check_scorer(SOFTMAX_LEVEL); }

/* What a beam has found has the scores that the beam gave it. */
static void check_beam_scores(softmax_t softmax)
{
    enum { K = 12 };
    fixture_t *f = fixture(softmax, 15);
    scorer_t *scorer = scorer_new(f->net, &f->space, 1);
    int32_t items[USERS * K];
    float found[USERS * K], scores[USERS * K];
    int64_t offsets[USERS + 1];
    decoder_topk(f->decoder, USERS, f->histories, K, 0, K, items, found);
    for (int u = 0; u <= USERS; u++) offsets[u] = u * K;
    scorer_run(scorer, USERS, f->histories, offsets, items, scores);
    for (int i = 0; i < USERS * K; i++) CHECK_NEAR(scores[i], found[i], 1e-5);
    scorer_run(scorer, 0, f->histories, offsets, items, scores);
    scorer_free(scorer);
    release(f);
}

TEST(the_beam_s_own_items) { check_beam_scores(SOFTMAX_TRIE); check_beam_scores(SOFTMAX_LEVEL); }

/* k below the beam is the head of the same list; a beam beyond the catalogue leaves the rest empty. */
TEST(k_and_beam)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, 15);
    int32_t all[ITEMS + 5], few[7];
    float all_score[ITEMS + 5], few_score[7];
    decoder_topk(f->decoder, 1, &f->histories[5], ITEMS + 5, 0, ITEMS + 5, all, all_score);
    decoder_topk(f->decoder, 1, &f->histories[5], ITEMS + 5, 0, 7, few, few_score);
    CHECK(!memcmp(all, few, sizeof few) && !memcmp(all_score, few_score, sizeof few_score));
    for (int i = 0; i < ITEMS + 5; i++) CHECK(i < ITEMS ? all[i] >= 0 : all[i] == -1 && all_score[i] == -INFINITY);

    /* a narrow beam may miss items, but gives what it finds its true score */
    decoder_topk(f->decoder, 1, &f->histories[5], 7, 0, 7, few, few_score);
    for (int i = 0; i < 7; i++) CHECK_NEAR(few_score[i], brute_force(f, &f->histories[5], few[i]), 2e-5);
    release(f);
}

static void k_beyond_beam(void)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, 15);
    int32_t item[4];
    float score[4];
    decoder_topk(f->decoder, 1, f->histories, 3, 0, 4, item, score);
}

TEST(k_beyond_the_beam_is_refused) { CHECK(unit_exit_code(k_beyond_beam) == 64); }

/* Knowing nothing, a model scores items by the branching of the trie alone: equal scores abound, and come in item order. */
TEST(ties_go_by_item)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, 0);
    int32_t item[2 * ITEMS];
    float score[2 * ITEMS];
    int ties = 0;
    decoder_topk(f->decoder, 2, f->histories, ITEMS, 0, ITEMS, item, score);
    for (int i = 1; i < ITEMS; i++) {
        CHECK(score[i] <= score[i - 1]);
        if (score[i] == score[i - 1]) {
            ties++;
            CHECK(item[i] > item[i - 1]);
        }
    }
    CHECK(ties > ITEMS / 4);
    CHECK(!memcmp(item, item + ITEMS, ITEMS * sizeof *item)); /* whatever the history */
    release(f);
}

/* Only the last MAX_ITEMS items are read. */
TEST(long_histories_are_cut)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, 15);
    const history_t whole = f->histories[7], last = {whole.items + whole.count - MAX_ITEMS, MAX_ITEMS, -1};
    int32_t a[10], b[10];
    float as[10], bs[10];
    decoder_topk(f->decoder, 1, &whole, 10, 0, 10, a, as);
    decoder_topk(f->decoder, 1, &last, 10, 0, 10, b, bs);
    CHECK(!memcmp(a, b, sizeof a) && !memcmp(as, bs, sizeof as));
    release(f);
}

TEST(threads_do_not_matter)
{
    fixture_t *f = fixture(SOFTMAX_LEVEL, 15);
    int32_t item[3][USERS * 10];
    float score[3][USERS * 10];
    for (int t = 0; t < 3; t++) {
        parallel_threads(t + 1);
        decoder_topk(f->decoder, USERS, f->histories, 12, 0, 10, item[t], score[t]);
        CHECK(!memcmp(item[0], item[t], sizeof item[t]) && !memcmp(score[0], score[t], sizeof score[t]));
    }
    parallel_threads(1);
    release(f);
}

/* With spare items every history has a beam of its own, and so many items remain without those it holds; a list is what that
 * beam gives the history alone, and neither neighbours nor threads matter. */
TEST(beams_are_wide_enough_for_spare_items)
{
    enum { BEAM = 6, SPARE = 4, K = SPARE + 8 };
    fixture_t *f = fixture(SOFTMAX_TRIE, 15);
    int32_t item[2][USERS * K], alone[K];
    float score[2][USERS * K], alone_score[K];
    for (int t = 0; t < 2; t++) {
        parallel_threads(t + 1);
        decoder_topk(f->decoder, USERS, f->histories, BEAM, SPARE, K, item[t], score[t]);
    }
    CHECK(!memcmp(item[0], item[1], sizeof item[0]) && !memcmp(score[0], score[1], sizeof score[0]));
    met_t met = met_new(ITEMS);
    int widened = 0;
    for (int u = 0; u < USERS; u++) {
        const int distinct = (int)met_take(&met, &f->histories[u]), width = SPARE + distinct > BEAM ? SPARE + distinct : BEAM;
        widened += width > BEAM;
        decoder_topk(f->decoder, 1, &f->histories[u], width, 0, width, alone, alone_score);
        CHECK(!memcmp(alone, item[0] + u * K, (size_t)width * sizeof *alone));
        for (int i = 0; i < width; i++) CHECK_NEAR((double)alone_score[i], (double)score[0][u * K + i], 1e-4); /* of some -10 */
        for (int i = width; i < K; i++) CHECK(item[0][u * K + i] == -1);
        CHECK(met_leave_out(&met, K, item[0] + u * K, NULL) >= SPARE);
    }
    CHECK(widened > 0 && widened < USERS);
    met_free(&met);
    parallel_threads(1);
    release(f);
}

/* Where the catalogue has no more, there are fewer; the items beyond what is read count as met. */
TEST(spare_items_end_with_the_catalogue)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, 15);
    int32_t events[ITEMS], item[ITEMS + 3];
    float score[ITEMS + 3];
    for (int i = 0; i < ITEMS; i++) events[i] = i;
    const history_t most = {events, ITEMS - 3, -1};
    met_t met = met_new(ITEMS);
    decoder_topk(f->decoder, 1, &most, 2, 2, ITEMS + 3, item, score);
    met_take(&met, &most);
    CHECK(met_leave_out(&met, ITEMS + 3, item, score) >= 2);
    decoder_topk(f->decoder, 1, &most, 2, 10, ITEMS + 3, item, score);
    CHECK(met_leave_out(&met, ITEMS + 3, item, score) == 3);
    for (int i = 0; i < 3; i++) CHECK(item[i] >= ITEMS - 3 && item[i] < ITEMS);
    met_free(&met);
    release(f);
}

/* A random set of `count` items; users of number 0, 4, 8 ... have none. */
static void draw_sets(const fixture_t *f, int count, item_set_t **sets)
{
    for (int u = 0; u < USERS; u++) {
        sets[u] = u % 4 ? item_set_new(ITEMS, &f->space.trie) : NULL;
        for (uint64_t i = 0; u % 4 && sets[u]->count < count; i++) item_set_add(sets[u], (int32_t)rng_below(7 + (uint64_t)u, i, ITEMS));
    }
}

static void drop_sets(item_set_t **sets)
{
    for (int u = 0; u < USERS; u++) item_set_free(sets[u]);
}

/* A list that is held to a set is the whole ranking without the others, score by score. */
static void check_restricted(softmax_t softmax)
{
    fixture_t *f = fixture(softmax, 15);
    item_set_t *sets[USERS];
    int32_t *all = NEW_ARRAY(int32_t, USERS * ITEMS), *held = NEW_ARRAY(int32_t, USERS * ITEMS);
    float *all_score = NEW_ARRAY(float, USERS * ITEMS), *score = NEW_ARRAY(float, USERS * ITEMS);
    draw_sets(f, 9, sets);
    decoder_topk(f->decoder, USERS, f->histories, ITEMS, 0, ITEMS, all, all_score);
    decoder_restrict(f->decoder, (const item_set_t *const *)sets);
    decoder_topk(f->decoder, USERS, f->histories, ITEMS, 0, ITEMS, held, score);
    for (int u = 0; u < USERS; u++) {
        int n = 0;
        for (int i = 0; i < ITEMS; i++) {
            if (sets[u] && !item_set_holds(sets[u], all[u * ITEMS + i])) continue;
            CHECK(held[u * ITEMS + n] == all[u * ITEMS + i]);
            CHECK_NEAR(score[u * ITEMS + n], all_score[u * ITEMS + i], 1e-5);
            n++;
        }
        CHECK(n == ITEMS || held[u * ITEMS + n] == -1);
    }
    drop_sets(sets);
    free(all);
    free(held);
    free(all_score);
    free(score);
    release(f);
}

TEST(restricted_lists_trie_softmax) { check_restricted(SOFTMAX_TRIE); }
TEST(restricted_lists_level_softmax) { check_restricted(SOFTMAX_LEVEL); }

/* However narrow the beam, it is filled where there are so many items; an empty set gives an empty list. */
TEST(a_restricted_beam_is_full)
{
    enum { K = 3 };
    fixture_t *f = fixture(SOFTMAX_LEVEL, 15);
    item_set_t *sets[USERS];
    int32_t held[USERS * K];
    float score[USERS * K];
    for (int count = 0; count <= 5; count++) {
        draw_sets(f, count, sets);
        decoder_restrict(f->decoder, (const item_set_t *const *)sets);
        decoder_topk(f->decoder, USERS, f->histories, K, 0, K, held, score);
        for (int i = 0; i < USERS * K; i++) {
            const item_set_t *s = sets[i / K];
            if (s && i % K >= count) CHECK(held[i] == -1);
            else CHECK(held[i] >= 0 && (!s || item_set_holds(s, held[i])));
        }
        drop_sets(sets);
    }
    release(f);
}

/* The place of a node among a level's prefixes, -1: it is none. */
static int64_t place_in_level(const trail_t *t, int level, int64_t node)
{
    for (int64_t i = t->first[level]; i < t->first[level + 1]; i++)
        if (t->prefixes[i].node == node) return i;
    return -1;
}

/* Each level's prefixes go on from those of the one before it, or are whole; the last are the list. */
static void check_trail(const fixture_t *f, const trail_t *t, int k, const int32_t *items, const float *scores)
{
    const trie_t *trie = &f->space.trie;
    for (int l = 0; l < t->levels; l++)
        for (int64_t i = t->first[l]; i < t->first[l + 1]; i++) {
            const trail_prefix_t p = t->prefixes[i];
            const int64_t whole = l ? place_in_level(t, l - 1, p.node) : -1;
            const int64_t before = l ? place_in_level(t, l - 1, trie->parent[p.node]) : 0;
            if (i > t->first[l]) CHECK(p.score <= t->prefixes[i - 1].score);
            CHECK((whole < 0) != (before < 0));
            CHECK(l || trie->parent[p.node] == 0);
            if (whole >= 0) CHECK(!trie->children[p.node] && p.score == t->prefixes[whole].score);
            else if (l) CHECK(p.score <= t->prefixes[before].score);
        }
    const int64_t last = t->levels ? t->first[t->levels - 1] : 0, n = t->levels ? t->first[t->levels] - last : 0;
    for (int64_t i = 0; i < k && i < n; i++)
        CHECK(trie->item[t->prefixes[last + i].node] == items[i] && t->prefixes[last + i].score == scores[i]);
    CHECK(n >= k || items[n] == -1);
}

/* Lists are the same where the way to them is taken down, and the way is the same whatever the neighbours. */
static void check_trails(softmax_t softmax, int held_to)
{
    enum { BEAM = 7, K = 5 };
    fixture_t *f = fixture(softmax, 15);
    item_set_t *sets[USERS] = {NULL};
    trail_t trails[USERS] = {0}, alone = {0}, *asked[USERS];
    int32_t items[2][USERS * K];
    float scores[2][USERS * K];
    if (held_to >= 0) draw_sets(f, held_to, sets);
    decoder_restrict(f->decoder, (const item_set_t *const *)sets);
    for (int u = 0; u < USERS; u++) asked[u] = u % 3 ? &trails[u] : NULL;
    for (int t = 0; t < 2; t++) {
        decoder_follow(f->decoder, t ? asked : NULL);
        decoder_topk(f->decoder, USERS, f->histories, BEAM, 0, K, items[t], scores[t]);
    }
    CHECK(!memcmp(items[0], items[1], sizeof items[0]) && !memcmp(scores[0], scores[1], sizeof scores[0]));
    for (int u = 0; u < USERS; u++)
        if (asked[u]) check_trail(f, asked[u], K, items[0] + u * K, scores[0] + u * K);
        else CHECK(!trails[u].levels && !trails[u].prefixes);
    decoder_restrict(f->decoder, (const item_set_t *const *)sets + 40);
    decoder_follow(f->decoder, (trail_t *[]){&alone});
    decoder_topk(f->decoder, 1, &f->histories[40], BEAM, 0, K, items[1], scores[1]);
    CHECK(alone.levels == trails[40].levels && !memcmp(alone.first, trails[40].first, sizeof alone.first));
    for (int64_t i = 0; i < alone.first[alone.levels]; i++) CHECK(alone.prefixes[i].node == trails[40].prefixes[i].node);
    for (int u = 0; u < USERS; u++) trail_free(&trails[u]);
    trail_free(&alone);
    drop_sets(sets);
    release(f);
}

TEST(trails_lead_to_lists)
{
    for (int held_to = -1; held_to < 4; held_to++) {
        check_trails(SOFTMAX_TRIE, held_to);
        check_trails(SOFTMAX_LEVEL, held_to);
    }
}

/* Where the beam loses nothing, what each level's prefixes are given adds up to 1. */
TEST(trails_are_distributions)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, 15);
    trail_t trail = {0};
    int32_t items[ITEMS];
    float scores[ITEMS];
    decoder_follow(f->decoder, (trail_t *[]){&trail});
    decoder_topk(f->decoder, 1, &f->histories[5], ITEMS, 0, ITEMS, items, scores);
    CHECK(trail.levels == LEVELS + 1 && trail.first[LEVELS + 1] - trail.first[LEVELS] == ITEMS);
    for (int l = 0; l < trail.levels; l++) {
        double sum = 0;
        for (int64_t i = trail.first[l]; i < trail.first[l + 1]; i++) sum += exp(trail.prefixes[i].score);
        CHECK_NEAR(sum, 1, 1e-5);
    }
    check_trail(f, &trail, ITEMS, items, scores);
    trail_free(&trail);
    release(f);
}

/* Uniform codes without constraint: the share of sequences that are no item can be counted. A sequence ends where it is an
 * item, or at the last code when it has left the trie. */
TEST(invalid_rate_of_a_model_that_knows_nothing)
{
    fixture_t *f = fixture(SOFTMAX_LEVEL, 0);
    int sequences = 0, invalid = 0;
    for (int c = 0; c < CODES * CODES * CODES; c++) {
        int items = 0, suffixes = 0;
        for (int i = 0; i < ITEMS; i++)
            if (f->code[i * 3] == c / 16 && f->code[i * 3 + 1] == c / 4 % 4 && f->code[i * 3 + 2] == c % 4) {
                items++;
                suffixes += f->suffix[i] >= 0;
            }
        sequences += suffixes ? 5 : 1; /* after codes that need a suffix any of the five may follow */
        invalid += suffixes ? 5 - suffixes : !items;
    }
    CHECK(invalid > 0 && invalid < sequences);
    CHECK_NEAR(decoder_invalid_rate(f->decoder, 3, f->histories, sequences), (double)invalid / sequences, 1e-6);
    CHECK(decoder_invalid_rate(f->decoder, 0, f->histories, 10) == 0);
    release(f);
}

UNIT_MAIN(UNIT(whole_ranking_trie_softmax), UNIT(whole_ranking_level_softmax), UNIT(given_items_trie_softmax), UNIT(given_items_level_softmax),
          UNIT(the_beam_s_own_items), UNIT(k_and_beam), UNIT(k_beyond_the_beam_is_refused), UNIT(ties_go_by_item), UNIT(long_histories_are_cut),
          UNIT(threads_do_not_matter), UNIT(beams_are_wide_enough_for_spare_items), UNIT(spare_items_end_with_the_catalogue),
          UNIT(restricted_lists_trie_softmax), UNIT(restricted_lists_level_softmax), UNIT(a_restricted_beam_is_full),
          UNIT(trails_lead_to_lists), UNIT(trails_are_distributions),
          UNIT(invalid_rate_of_a_model_that_knows_nothing))
