/* The sampled softmax against its equation, draw by draw; against the full softmax, in expectation; and an embedding that trains
 * by the row against one that does not. */
#include "gen/sampled.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "bf16.h"
#include "gen/objective.h"
#include "small_model.h"
#include "unit.h"

/* Two levels: all but the last hundred items have a first code of their own, those share five; second codes are all different.
 * Sets of the root, of a level, of a range and of all items are larger than DRAWS, those of the five and of another range are not.
 * So many draws that a tile has 128 rows, of which the positions fill several. */
enum { ITEMS = 3000, ALONE = 2900, SHARED = 5, PIECES = 2100, DRAWS = 2048, POSITIONS = 1800, ROWS = 40, KINDS = 6 };
static const uint64_t KEY = 77;

typedef struct {
    int32_t code[2 * ITEMS], suffix[ITEMS];
    sids_t sids;
    space_t space;
    model_t *model;
    network_t *net;
    float *hidden, *dhidden;
    scored_position_t positions[POSITIONS];
    grads_t *grads;
} fixture_t;

/* Position i is of kind i % KINDS. */
static scored_position_t position(const fixture_t *f, int i)
{
    const int32_t row = (int32_t)rng_below(3, (uint64_t)i, ROWS), item = (int32_t)rng_below(4, (uint64_t)i, ITEMS);
    const int32_t *sid = space_sid(&f->space, item), *of_five = space_sid(&f->space, ALONE + item % (ITEMS - ALONE));
    const int32_t beyond = f->space.vocab.size;
    switch (i % KINDS) {
    case 0: return (scored_position_t){row, sid[0], allowed_children(0, 0), TASK_NEXT};
    case 1: return (scored_position_t){row, sid[0], allowed_level(0), TASK_NEXT};
    case 2: return (scored_position_t){row, beyond + item % PIECES, allowed_range(beyond, PIECES), TASK_NEXT};
    case 3: return (scored_position_t){row, beyond + item % 30, allowed_range(beyond, 30), TASK_NEXT};
    case 4: return (scored_position_t){row, item, allowed_items(), TASK_NEXT};
    default: return (scored_position_t){row, of_five[1], allowed_children(1, trie_child(&f->space.trie, 0, of_five[0])), TASK_NEXT};
    }
}

static fixture_t *fixture_on(const backend_t *backend, bool sparse)
{
    fixture_t *f = NEW(fixture_t);
    for (int i = 0; i < ITEMS; i++) {
        f->code[2 * i] = i < ALONE ? i : ALONE + i % SHARED;
        f->code[2 * i + 1] = i;
        f->suffix[i] = -1;
    }
    f->sids = (sids_t){.items = ITEMS, .levels = 2, .codes = ITEMS, .code = f->code, .suffix = f->suffix};
    f->space = space_make(&f->sids, SOFTMAX_TRIE, BODY_FLAT, 5);
    f->model = model_new((model_config_t){.hidden_size = SMALL_D, .num_hidden_layers = 1, .num_attention_heads = 1,
                                          .num_key_value_heads = 1, .head_dim = SMALL_D, .intermediate_size = 4,
                                          .vocab_size = f->space.vocab.size + PIECES, .max_position_embeddings = 64,
                                          .rms_norm_eps = 1e-6, .rope_theta = 10000, .sparse_embedding = sparse, .item_vectors = ITEMS});
    params_fill_normal(&f->model->params, f->model->embed, 0.3, 7);
    params_fill_normal(&f->model->params, f->model->item_vectors, 0.3, 9);
    f->net = network_new(f->model, backend, 64);
    f->hidden = xfloats(ROWS * SMALL_D);
    f->dhidden = xfloats(ROWS * SMALL_D);
    f->grads = grads_new(&f->model->params);
    for (int i = 0; i < ROWS * SMALL_D; i++) f->hidden[i] = (float)rng_normal(8, (uint64_t)i);
    for (int i = 0; i < POSITIONS; i++) f->positions[i] = position(f, i);
    return f;
}

static fixture_t *fixture(bool sparse) { return fixture_on(backend_open("f32"), sparse); }

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

/* Runs the first `count` positions; returns the sum of their losses. */
static double run(const fixture_t *f, int64_t count, double smoothing, int64_t draws, uint64_t key)
{
    const backend_t *b = f->net->backend;
    objective_t *o = objective_new(f->net, &f->space, smoothing, 1);
    operand_t *space = operands_new(b, ROWS * SMALL_D);
    loss_t loss = {0};
    double sum = 0;
    objective_sample(o, draws, key);
    const operand_t *packed = operands_of(b, f->hidden, ROWS * SMALL_D, space);
    objective_backward(o, count, f->positions, f->hidden, packed, 1, f->dhidden, f->grads, &loss);
    for (int l = 0; l < LOSS_LEVELS; l++) sum += loss.loss[l];
    objective_free(o);
    free(space);
    return sum;
}

static const float *row_of(const fixture_t *f, const scored_position_t *p, int32_t token)
{
    return model_row(f->model, scored_block(f->model, p->set), token);
}

static double logit(const fixture_t *f, const scored_position_t *p, int32_t token)
{
    double x = 0;
    for (int k = 0; k < SMALL_D; k++) x += (double)f->hidden[p->row * SMALL_D + k] * (double)row_of(f, p, token)[k];
    return x;
}

/* The tokens that a position is scored against, and what each one's exponential counts for; returns their number. */
static int scored_against(const fixture_t *f, int i, int32_t *tokens, double *counts)
{
    const scored_position_t *p = &f->positions[i];
    const allowed_t a = space_allowed(&f->space, p->set);
    const bool sampled = a.n > DRAWS;
    int n = 0;
    if (sampled) {
        tokens[n] = p->token;
        counts[n++] = 1;
    }
    for (int32_t j = 0; j < (sampled ? DRAWS : a.n); j++) {
        const uint64_t draw = rng_below(KEY, (uint64_t)j, (uint64_t)a.n);
        const int32_t token = allowed_token(&a, sampled ? (int32_t)draw : j);
        if (sampled && token == p->token) continue;
        tokens[n] = token;
        counts[n++] = sampled ? (double)a.n / DRAWS : 1;
    }
    return n;
}

/* Adds one position's gradient as the equation has it, those of items' vectors after those of tokens; returns its loss. */
static double plain_position(const fixture_t *f, int i, double *dhidden, double *dtable)
{
    static int32_t tokens[ITEMS + 1];
    static double counts[ITEMS + 1], e[ITEMS + 1];
    const scored_position_t *p = &f->positions[i];
    const int n = scored_against(f, i, tokens, counts);
    double sum = 0;
    for (int j = 0; j < n; j++) sum += e[j] = counts[j] * exp(logit(f, p, tokens[j]));
    for (int j = 0; j < n; j++) {
        const double g = e[j] / sum - (tokens[j] == p->token);
        const int64_t at = tokens[j] + (p->set.kind == ALLOWED_ITEMS ? f->space.vocab.size + PIECES : 0);
        for (int k = 0; k < SMALL_D; k++) {
            dhidden[p->row * SMALL_D + k] += g * (double)row_of(f, p, tokens[j])[k];
            dtable[at * SMALL_D + k] += g * (double)f->hidden[p->row * SMALL_D + k];
        }
    }
    return log(sum) - logit(f, p, p->token);
}

static double plain(const fixture_t *f, double *dhidden, double *dtable)
{
    double loss = 0;
    for (int i = 0; i < POSITIONS; i++) loss += plain_position(f, i, dhidden, dtable);
    return loss;
}

/* A share of the loss; and of gradients so much, and a share. */
typedef struct { double loss, gradient, share; } within_t;

static void check_equation(const backend_t *backend, bool sparse, within_t within)
{
    fixture_t *f = fixture_on(backend, sparse);
    const int64_t tokens = f->space.vocab.size + PIECES;
    double *dhidden = NEW_ARRAY(double, ROWS * SMALL_D), *dtable = NEW_ARRAY(double, (tokens + ITEMS) * SMALL_D);
    CHECK(tile_rows(f->net, DRAWS) == 128 && POSITIONS / KINDS > 2 * 128);
    const double expected = plain(f, dhidden, dtable);
    CHECK_NEAR(run(f, POSITIONS, 0, DRAWS, KEY), expected, within.loss * expected);
    for (int i = 0; i < ROWS * SMALL_D; i++)
        CHECK_NEAR(f->dhidden[i], dhidden[i], within.gradient + within.share * fabs(dhidden[i]));
    for (int64_t t = 0; t < tokens + ITEMS; t++)
        for (int k = 0; k < SMALL_D; k++) {
            const double truth = dtable[t * SMALL_D + k];
            const float *row = t < tokens ? grads_row(f->grads, f->model->embed, t)
                                          : grads_row(f->grads, f->model->item_vectors, t - tokens);
            CHECK_NEAR(row[k], truth, within.gradient + within.share * fabs(truth));
        }
    free(dhidden);
    free(dtable);
    release(f);
}

TEST(loss_and_gradient_are_the_equations)
{
    check_equation(backend_open("f32"), false, (within_t){1e-6, 2e-4, 0});
    check_equation(backend_open("f32"), true, (within_t){1e-6, 2e-4, 0});
}

/* The same through operands of 8 bits of mantissa, which rows of a table have to be converted into. */
TEST(operands_that_are_not_floats)
{
    check_equation(&bf16_plain, false, (within_t){1e-3, 0.04, 0.02});
    check_equation(&bf16_plain, true, (within_t){1e-3, 0.04, 0.02});
}

/* Without samples, too, an embedding that trains by the row has the gradient of one that does not; label smoothing included. */
TEST(sparse_rows_are_the_dense_ones)
{
    for (int64_t draws = 0; draws <= DRAWS; draws += DRAWS) {
        fixture_t *dense = fixture(false), *sparse = fixture(true);
        const double loss = run(dense, POSITIONS, 0.1, draws, KEY);
        CHECK(run(sparse, POSITIONS, 0.1, draws, KEY) == loss);
        CHECK(!memcmp(dense->dhidden, sparse->dhidden, ROWS * SMALL_D * sizeof(float)));
        for (int64_t t = 0; t < dense->space.vocab.size + PIECES; t++) {
            const float *a = grads_row(dense->grads, dense->model->embed, t);
            const float *b = grads_row(sparse->grads, sparse->model->embed, t);
            for (int k = 0; k < SMALL_D; k++) CHECK_NEAR(a[k], b[k], 1e-5);
        }
        release(dense);
        release(sparse);
    }
}

/* exp(L) is the sum that the softmax divides by, over e^x of the position's token: unbiased, whatever N. The mean of many draws
 * lies within five standard errors of the truth, and those are below 1 % of it. */
TEST(the_sum_is_right_in_expectation)
{
    enum { KEYS = 4000 };
    fixture_t *f = fixture(true);
    for (int kind = 0; kind < 3; kind++) {
        f->positions[0] = position(f, kind);
        const double full = exp(run(f, 1, 0, 0, 0));
        double sum = 0, squares = 0;
        for (uint64_t key = 0; key < KEYS; key++) {
            const double estimate = exp(run(f, 1, 0, 16, key));
            sum += estimate;
            squares += estimate * estimate;
        }
        const double mean = sum / KEYS, error = sqrt((squares / KEYS - mean * mean) / KEYS);
        CHECK_NEAR(mean, full, 5 * error);
        CHECK(error < 0.01 * full);
    }
    release(f);
}

/* With the more draws, the gradient comes the nearer to the full softmax's: of 2,048 draws of 2,905, the mean of 200 samples lies
 * within 1 % of its norm. */
TEST(the_gradient_approaches_the_full_one)
{
    enum { SAMPLES = 200 };
    fixture_t *full = fixture(true), *f = fixture(true);
    run(full, 1, 0, 0, 0);
    for (uint64_t key = 0; key < SAMPLES; key++) run(f, 1, 0, DRAWS, key);
    const float *a = full->dhidden + full->positions[0].row * SMALL_D, *b = f->dhidden + f->positions[0].row * SMALL_D;
    double norm = 0, off = 0;
    for (int k = 0; k < SMALL_D; k++) {
        norm += (double)a[k] * (double)a[k];
        off += pow((double)b[k] / SAMPLES - (double)a[k], 2);
    }
    CHECK(sqrt(off) < 0.01 * sqrt(norm));
    release(full);
    release(f);
}

/* Which of the two an embedding is shows neither in its values nor in a file. */
TEST(a_sparse_embedding_does_not_show)
{
    fixture_t *dense = fixture(false), *sparse = fixture(true);
    model_init(dense->model, 5);
    model_init(sparse->model, 5);
    const size_t size = (size_t)dense->model->params.blocks[dense->model->embed].count * sizeof(float);
    CHECK(!memcmp(model_embedding(dense->model, 0), model_embedding(sparse->model, 0), size));
    char *a = model_config_json(&dense->model->config, 0), *b = model_config_json(&sparse->model->config, 0);
    CHECK(!strcmp(a, b) && sparse->model->params.size < dense->model->params.size);
    model_t *copy = model_copy(sparse->model);
    CHECK(copy->params.blocks[copy->embed].sparse && !memcmp(model_embedding(copy, 0), model_embedding(dense->model, 0), size));
    model_free(copy);
    free(a);
    free(b);
    release(dense);
    release(sparse);
}

UNIT_MAIN(UNIT(loss_and_gradient_are_the_equations), UNIT(operands_that_are_not_floats), UNIT(sparse_rows_are_the_dense_ones),
          UNIT(the_sum_is_right_in_expectation), UNIT(the_gradient_approaches_the_full_one),
          UNIT(a_sparse_embedding_does_not_show))
