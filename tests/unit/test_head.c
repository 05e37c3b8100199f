/* The output layer against plain loops: sets of every kind side by side, in tiles and at once; tasks that mix. */
#include "gen/head.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "gen/histories.h"
#include "gen/objective.h"
#include "nn/embedding.h"
#include "small_model.h"
#include "unit.h"

/* A wider catalogue: one level of 40 codes below 30, so that there are sets that go through products and sets that do not; and
 * 50 tokens beyond, as a text's pieces would be. */
enum { ITEMS = 200, CODES = 40, PIECES = 50, POSITIONS = 150, ROWS = 64 };

typedef struct {
    int32_t code[ITEMS * 2], suffix[ITEMS];
    sids_t sids;
    space_t space;
    model_t *model;
    network_t *net;
    float *hidden, *dhidden;
    scored_position_t positions[POSITIONS];
    grads_t *grads;
} fixture_t;

/* A random position: at a leaf's parent or at the root, over a level, or over a range. */
static scored_position_t position(const fixture_t *f, uint64_t i, softmax_t softmax)
{
    const int32_t row = (int32_t)rng_below(3, 4 * i, ROWS), item = (int32_t)rng_below(3, 4 * i + 1, ITEMS);
    int32_t sid[SID_MAX_TOKENS];
    vocab_sid(&f->space.vocab, &f->sids, item, sid);
    const int level = (int)rng_below(3, 4 * i + 2, 2);
    if (i % 5 == 4) {
        const int32_t first = f->space.vocab.size + (i % 2 ? 10 : 0);
        return (scored_position_t){row, first + 7, allowed_range(first, i % 2 ? 40 : 25), TASK_NEXT};
    }
    const int64_t node = level ? trie_child(&f->space.trie, 0, sid[0]) : 0;
    return (scored_position_t){row, sid[level], softmax == SOFTMAX_TRIE ? allowed_children(level, node) : allowed_level(level), TASK_NEXT};
}

static fixture_t *fixture(softmax_t softmax, int32_t widest)
{
    fixture_t *f = NEW(fixture_t);
    for (int i = 0; i < ITEMS; i++) {
        f->code[2 * i] = (int32_t)rng_below(1, (uint64_t)i, 30);
        f->code[2 * i + 1] = i % 4 ? (int32_t)rng_below(2, (uint64_t)i, CODES) : 0;
    }
    f->sids = (sids_t){.items = ITEMS, .levels = 2, .codes = CODES, .max_suffix = 60, .code = f->code, .suffix = f->suffix};
    sids_assign_suffixes(&f->sids, SUFFIX_COLLIDE);
    f->space = space_make(&f->sids, softmax, BODY_FLAT, 5);
    if (widest) f->space.widest = widest;
    f->model = small_model(f->space.vocab.size + PIECES);
    f->net = network_new(f->model, backend_open("f32"), 64);
    f->hidden = xfloats(ROWS * SMALL_D);
    f->dhidden = xfloats(ROWS * SMALL_D);
    f->grads = grads_new(&f->model->params);
    for (int i = 0; i < ROWS * SMALL_D; i++) f->hidden[i] = (float)rng_normal(8, (uint64_t)i);
    for (uint64_t i = 0; i < POSITIONS; i++) f->positions[i] = position(f, i, softmax);
    return f;
}

static void release(fixture_t *f)
{
    grads_free(f->grads);
    free(f->hidden);
    free(f->dhidden);
    network_free(f->net);
    model_free(f->model);
    space_free(&f->space);
    free(f);
}

/* Loss and gradients as the definition has them. */
static double plain(const fixture_t *f, double *dhidden, double *dtable)
{
    double loss = 0;
    for (int i = 0; i < POSITIONS; i++) {
        const scored_position_t *p = &f->positions[i];
        const allowed_t a = space_allowed(&f->space, p->set);
        double x[256], sum = 0;
        for (int32_t j = 0; j < a.n; j++) {
            x[j] = 0;
            for (int k = 0; k < SMALL_D; k++) x[j] += (double)f->hidden[p->row * SMALL_D + k] * (double)model_embedding(f->model, allowed_token(&a, j))[k];
            sum += exp(x[j]);
        }
        loss -= x[allowed_index(&a, p->token)] - log(sum);
        for (int32_t j = 0; j < a.n; j++) {
            const int32_t token = allowed_token(&a, j);
            const double g = exp(x[j]) / sum - (token == p->token);
            for (int k = 0; k < SMALL_D; k++) {
                dhidden[p->row * SMALL_D + k] += g * (double)model_embedding(f->model, token)[k];
                dtable[token * SMALL_D + k] += g * (double)f->hidden[p->row * SMALL_D + k];
            }
        }
    }
    return loss;
}

static void check(softmax_t softmax, int32_t widest)
{
    fixture_t *f = fixture(softmax, widest);
    const int64_t tokens = f->space.vocab.size + PIECES;
    double *dhidden = NEW_ARRAY(double, ROWS * SMALL_D), *dtable = NEW_ARRAY(double, tokens * SMALL_D);
    const double expected = plain(f, dhidden, dtable);
    objective_t *o = objective_new(f->net, &f->space, 0, 1);
    loss_t loss = {0};
    objective_backward(o, POSITIONS, f->positions, f->hidden, f->hidden, 1, f->dhidden, f->grads, &loss);
    double sum = 0;
    for (int l = 0; l < LOSS_LEVELS; l++) sum += loss.loss[l];
    CHECK_NEAR(sum, expected, 1e-3);
    CHECK(loss.tokens[LOSS_OTHER] == POSITIONS / 5 && loss.loss[LOSS_OTHER] > 0 && loss.tokens[0] + loss.tokens[1] == POSITIONS - POSITIONS / 5);
    for (int i = 0; i < ROWS * SMALL_D; i++) CHECK_NEAR(f->dhidden[i], dhidden[i], 2e-4);
    const float *grad = grads_block(f->grads, f->model->embed);
    for (int64_t i = 0; i < tokens * SMALL_D; i++) CHECK_NEAR(grad[i], dtable[i], 2e-4);
    objective_free(o);
    free(dhidden);
    free(dtable);
    release(f);
}

TEST(sets_of_every_kind_at_once) { check(SOFTMAX_TRIE, 0); check(SOFTMAX_LEVEL, 0); }

/* A widest set of which only sixteen rows fit a tile: the same in ten tiles. */
TEST(in_tiles) { check(SOFTMAX_TRIE, 1 << 15); check(SOFTMAX_LEVEL, 1 << 15); }

/* A second task beside the histories: two tokens, of which the second, a piece of text, is scored. */
static int64_t pair_rows(const void *ctx, int64_t i) { return *(const int *)ctx > i ? 2 : 1; }

static void pair_expand(const void *ctx, int64_t i, sequence_pack_t *pack)
{
    (void)ctx;
    pack->symbols[pack->rows++] = 0;
    pack->positions[pack->scored++] = (scored_position_t){(int32_t)(pack->rows - 1), (int32_t)(10 + i), allowed_range(10, 5), TASK_NEXT};
    pack->symbols[pack->rows++] = (int32_t)(10 + i);
}

static void pair_free(void *ctx) { *(int *)ctx = -1; }

TEST(tasks_mix)
{
    int pairs = 3;
    space_t space = space_make(&small_sids, SOFTMAX_TRIE, BODY_FLAT, 20);
    sequences_t s = {0};
    sequences_add(&s, histories_task(&small_interactions, &space, (hold_back_t){0}));
    sequences_add(&s, (sequence_task_t){"pairs", &pairs, 3, 2, 3, pair_rows, pair_expand, pair_free});
    CHECK(s.count == 5 && s.longest == space_longest(&space) && s.targets == 7 + 3);
    const deal_t d = sequences_deal(&s, 0, s.longest, 4);
    int32_t tokens[64];
    scored_position_t positions[64];
    int seen[5] = {0}, ranges = 0, children = 0;
    for (int64_t k = 0; k < d.shards; k++) {
        sequence_pack_t pack = {.symbols = tokens, .positions = positions};
        int64_t rows = 0;
        for (int64_t i = d.starts[k]; i < d.starts[k + 1]; i++) {
            seen[d.order[i]]++;
            rows += sequences_rows(&s, d.order[i]);
            sequences_expand(&s, d.order[i], &pack);
        }
        CHECK(pack.rows == rows && rows <= s.longest);
        for (int64_t j = 0; j < pack.scored; j++) {
            const allowed_t a = space_allowed(&space, positions[j].set);
            CHECK(positions[j].row < rows && allowed_index(&a, positions[j].token) >= 0);
            ranges += positions[j].set.kind == ALLOWED_RANGE;
            children += positions[j].set.kind == ALLOWED_CHILDREN;
        }
    }
    for (int i = 0; i < 5; i++) CHECK(seen[i] == 1);
    CHECK(ranges == 3 && children >= 14);
    deal_t dealt = d;
    deal_free(&dealt);
    sequences_free(&s);
    CHECK(pairs == -1); /* a task that was added belongs to the list */
    space_free(&space);
}

UNIT_MAIN(UNIT(sets_of_every_kind_at_once), UNIT(in_tiles), UNIT(tasks_mix))
