/* The generator's gradients against finite differences, and its two ways of reading a history against each other. */
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "gen/examples.h"
#include "gen/objective.h"
#include "nn/model.h"
#include "nn/transformer.h"

#include <stdlib.h>

#include "unit.h"

/* Six items on two levels of three codes; items 0 and 1 share both codes and carry suffixes. */
static int32_t code[] = {0, 1, 0, 1, 2, 0, 1, 2, 2, 2, 0, 0};
static int32_t suffix[] = {0, 1, -1, -1, -1, -1};
static const sids_t sids = {.items = 6, .levels = 2, .codes = 3, .max_suffix = 2, .code = code, .suffix = suffix};

static int64_t offsets[] = {0, 6, 11};
static int32_t history[] = {0, 2, 4, 1, 5, 3, 3, 1, 0, 2, 5};
static const interactions_t interactions = {.users = 2, .events = 11, .items = 6, .user_offsets = offsets, .item_index = history};

static const model_config_t shape = {.hidden_size = 8, .num_hidden_layers = 2, .num_attention_heads = 4, .num_key_value_heads = 2,
                                     .head_dim = 4, .intermediate_size = 12, .vocab_size = 9, .max_position_embeddings = 64,
                                     .rms_norm_eps = 1e-6, .rope_theta = 10000};

typedef struct {
    vocab_t vocab;
    trie_t trie;
    model_t *model;
    network_t *net;
    activations_t *acts;
    objective_t *objective;
    packed_t packed;
    int64_t bounds[3], target_count;
    int32_t tokens[64];
    target_t targets[64];
    float *dhidden, *grads;
    double dropout;
} fixture_t;

static fixture_t *fixture(softmax_t softmax, double smoothing, double dropout)
{
    fixture_t *f = NEW(fixture_t);
    f->vocab = vocab_make(2, 3, 2);
    f->trie = trie_build(&sids, &f->vocab);
    f->model = model_new(shape);
    model_init(f->model, 7);
    /* larger weights than a real start, so that every path carries a visible gradient */
    for (int i = 0; i < f->model->count; i++)
        for (int64_t j = 0; f->model->params[i].decay && j < f->model->params[i].count; j++)
            f->model->weights[f->model->params[i].offset + j] *= 15;
    f->net = network_new(f->model, backend_open("f32"), 64);
    f->acts = activations_new(f->net, PASS_TRAIN, 64, 64, 0);
    f->objective = objective_new(f->net, &f->vocab, &f->trie, softmax, smoothing, 64);
    examples_t r = examples_make(&interactions, 20, 2, (hold_back_t){0});
    for (int64_t i = 0; i < r.count; i++) {
        f->bounds[i] = f->packed.rows;
        f->packed.rows += example_expand(&r.list[i], &interactions, &sids, &f->vocab, &f->trie, f->packed.rows, f->tokens + f->packed.rows,
                                        f->targets, &f->target_count);
    }
    f->packed.segments = r.count;
    f->bounds[r.count] = f->packed.rows;
    f->packed.bounds = f->bounds;
    f->dhidden = xfloats(64 * 8);
    f->grads = xfloats((size_t)f->model->size);
    f->dropout = dropout;
    examples_free(&r);
    return f;
}

static void release(fixture_t *f)
{
    objective_free(f->objective);
    activations_free(f->acts);
    network_free(f->net);
    model_free(f->model);
    trie_free(&f->trie);
    free(f->dhidden);
    free(f->grads);
    free(f);
}

static double pass(fixture_t *f, bool backward)
{
    const float *table = f->model->weights + f->model->embed;
    network_sync(f->net);
    for (int64_t r = 0; r < f->packed.rows; r++) memcpy(activations_input(f->acts) + r * 8, table + f->tokens[r] * 8, 8 * sizeof(float));
    const operand_t *packed;
    const float *hidden = transformer_forward(f->net, f->acts, &f->packed, f->dropout, 99, &packed);
    loss_t loss = {0};
    objective_backward(f->objective, f->target_count, f->targets, f->packed.rows, hidden, packed, 1, f->dhidden, f->grads, &loss);
    if (backward) {
        transformer_backward(f->net, f->acts, &f->packed, f->dropout, 99, f->dhidden, f->grads);
        const float *dx = activations_input_grad(f->acts);
        for (int64_t r = 0; r < f->packed.rows; r++)
            for (int i = 0; i < 8; i++) f->grads[f->model->embed + f->tokens[r] * 8 + i] += dx[r * 8 + i];
    }
    return loss_per_item(&loss) * (double)loss.items;
}

/* Compares the gradient of every parameter tensor along a random direction with a central difference. */
static void check_gradients(softmax_t softmax, double dropout)
{
    fixture_t *f = fixture(softmax, 0, dropout);
    pass(f, true);
    float *grads = xfloats((size_t)f->model->size);
    memcpy(grads, f->grads, (size_t)f->model->size * sizeof(float));
    for (int i = 0; i < f->model->count; i++) {
        const param_t *p = &f->model->params[i];
        float *w = f->model->weights + p->offset, *start = xfloats((size_t)p->count);
        memcpy(start, w, (size_t)p->count * sizeof(float));
        double expected = 0, moved[2];
        uint64_t key = rng_stream(5, p->name);
        for (int64_t j = 0; j < p->count; j++) expected += grads[p->offset + j] * rng_normal(key, (uint64_t)j);
        for (int side = 0; side < 2; side++) {
            for (int64_t j = 0; j < p->count; j++) w[j] = start[j] + (side ? -1 : 1) * 2e-3f * (float)rng_normal(key, (uint64_t)j);
            moved[side] = pass(f, false);
        }
        memcpy(w, start, (size_t)p->count * sizeof(float));
        double measured = (moved[0] - moved[1]) / 4e-3;
        if (fabs(measured - expected) > 0.01 * (fabs(measured) + 0.3)) printf("# %s: gradient %.6f, difference %.6f\n", p->name, expected, measured);
        CHECK(fabs(measured - expected) <= 0.01 * (fabs(measured) + 0.3));
        CHECK(fabs(expected) > 1e-4);
        free(start);
    }
    free(grads);
    release(f);
}

TEST(gradients_trie_softmax) { check_gradients(SOFTMAX_TRIE, 0); }
TEST(gradients_level_softmax) { check_gradients(SOFTMAX_LEVEL, 0); }
TEST(gradients_with_dropout) { check_gradients(SOFTMAX_TRIE, 0.3); }

/* With smoothing e over n allowed tokens the logits' gradient is softmax - (1 - e) [right] - e / n: it sums to zero, and at
 * the right token it is larger by e (1 - 1/n). Seen through one target's state gradient, on a model whose embedding is the identity. */
TEST(label_smoothing_spreads_its_share)
{
    fixture_t *plain = fixture(SOFTMAX_LEVEL, 0, 0), *smooth = fixture(SOFTMAX_LEVEL, 0.3, 0);
    const vocab_t *v = &plain->vocab;
    fixture_t *both[] = {plain, smooth};
    for (int i = 0; i < 2; i++) {
        float *table = both[i]->model->weights + both[i]->model->embed;
        memset(table, 0, 9 * 8 * sizeof(float));
        for (int t = 0; t < 8; t++) table[t * 8 + t] = 1;
        both[i]->target_count = 1;
        pass(both[i], false);
    }
    int32_t right = plain->targets[0].token;
    float *a = plain->dhidden + plain->targets[0].row * 8, *b = smooth->dhidden + smooth->targets[0].row * 8;
    for (int32_t t = v->first_code; t < v->first_code + 3; t++) CHECK_NEAR(b[t] - a[t], t == right ? 0.3 - 0.1 : -0.1, 1e-5);
    release(plain);
    release(smooth);
}

/* A pass for inference, and steps over its cached prefix, give the states that a whole training pass gives. */
TEST(extension_agrees_with_a_whole_pass)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, 0, 0);
    pass(f, false);
    const int64_t rows = f->bounds[1];
    float *whole = xfloats((size_t)(rows * 8));
    const operand_t *unused;
    const float *table = f->model->weights + f->model->embed;
    for (int64_t r = 0; r < f->packed.rows; r++) memcpy(activations_input(f->acts) + r * 8, table + f->tokens[r] * 8, 8 * sizeof(float));
    memcpy(whole, transformer_forward(f->net, f->acts, &f->packed, 0, 0, &unused), (size_t)(rows * 8) * sizeof(float));

    activations_t *acts = activations_new(f->net, PASS_INFER, 64, 64, 2);
    const int64_t prefix = rows - 3;
    int64_t bounds[] = {0, prefix}, segment[] = {0, 0}, position[2];
    packed_t p = {prefix, 1, bounds, NULL};
    for (int64_t r = 0; r < prefix; r++) memcpy(activations_input(acts) + r * 8, table + f->tokens[r] * 8, 8 * sizeof(float));
    const float *states = transformer_forward(f->net, acts, &p, 0, 0, &unused);
    for (int64_t i = 0; i < prefix * 8; i++) CHECK_NEAR(states[i], whole[i], 1e-5);
    step_t steps[3];
    int32_t ancestor[2 * 3] = {0};
    for (int s = 0; s < 3; s++) {
        steps[s] = step_new(f->net, 2);
        steps[s].rows = 2; /* row 0 continues as the history does, row 1 with another token throughout */
        memcpy(steps[s].x, table + f->tokens[prefix + s] * 8, 8 * sizeof(float));
        memcpy(steps[s].x + 8, table + 1 * 8, 8 * sizeof(float));
        position[0] = position[1] = prefix + s;
        for (int a = 0; a < s; a++) {
            ancestor[a] = 0;
            ancestor[s + a] = 1;
        }
        transformer_extend(f->net, acts, &p, &steps[s], segment, position, s, steps, ancestor);
        for (int i = 0; i < 8; i++) CHECK_NEAR(steps[s].x[i], whole[(prefix + s) * 8 + i], 1e-4);
    }
    for (int s = 0; s < 3; s++) step_free(f->net, &steps[s]);
    activations_free(acts);
    free(whole);
    release(f);
}

/* The fixture's model over `segments` segments of `tokens`: final states and, for a gradient of the states that depends on the
 * token's place in its history alone, those of the parameters and of the inputs by place. */
static void run_segments(fixture_t *f, const packed_t *p, const int32_t *tokens, const int *place, const bool *counts, float *states,
                         float *dx_by_place)
{
    const float *table = f->model->weights + f->model->embed;
    activations_t *acts = activations_new(f->net, PASS_TRAIN, 64, 64, 0);
    for (int64_t r = 0; r < p->rows; r++) memcpy(activations_input(acts) + r * 8, table + tokens[r] * 8, 8 * sizeof(float));
    memcpy(states, transformer_forward(f->net, acts, p, 0, 0, NULL), (size_t)(p->rows * 8) * sizeof(float));
    memset(f->dhidden, 0, 64 * 8 * sizeof(float));
    for (int64_t r = 0; r < p->rows; r++)
        for (int i = 0; i < 8; i++) f->dhidden[r * 8 + i] = counts[r] ? sinf((float)(place[r] * 8 + i)) : 0;
    memset(f->grads, 0, (size_t)f->model->size * sizeof(float));
    transformer_backward(f->net, acts, p, 0, 0, f->dhidden, f->grads);
    memset(dx_by_place, 0, 64 * 8 * sizeof(float));
    for (int64_t r = 0; r < p->rows; r++)
        for (int i = 0; i < 8; i++) dx_by_place[place[r] * 8 + i] += activations_input_grad(acts)[r * 8 + i];
    activations_free(acts);
}

/* Branches over one shared parent give the states and gradients of their whole histories, each run on its own. */
TEST(branches_agree_with_whole_histories)
{
    enum { PREFIX = 6, BRANCHES = 3, LENGTH = 2, SHARED = PREFIX + BRANCHES * LENGTH, WHOLE = BRANCHES * (PREFIX + LENGTH) };
    fixture_t *f = fixture(SOFTMAX_TRIE, 0, 0);
    int64_t bounds[BRANCHES + 2] = {0, PREFIX}, parents[BRANCHES + 1] = {-1}, whole_bounds[BRANCHES + 1] = {0};
    int32_t tokens[SHARED], whole_tokens[WHOLE];
    int place[SHARED], whole_place[WHOLE];
    bool counts[SHARED], whole_counts[WHOLE];
    for (int r = 0; r < SHARED; r++) {
        tokens[r] = r * 5 % f->vocab.size;
        place[r] = r;
        counts[r] = true;
    }
    for (int b = 0; b < BRANCHES; b++) {
        bounds[b + 2] = PREFIX + (b + 1) * LENGTH;
        whole_bounds[b + 1] = (b + 1) * (PREFIX + LENGTH);
        for (int r = 0; r < PREFIX + LENGTH; r++) {
            int from = r < PREFIX ? r : PREFIX + b * LENGTH + r - PREFIX, at = b * (PREFIX + LENGTH) + r;
            whole_tokens[at] = tokens[from];
            whole_place[at] = from;
            whole_counts[at] = r >= PREFIX || b == 0; /* the prefix's own gradient once */
        }
    }
    packed_t shared = {SHARED, BRANCHES + 1, bounds, parents}, whole = {WHOLE, BRANCHES, whole_bounds, NULL};
    float *states = xfloats(SHARED * 8), *dx = xfloats(64 * 8), *whole_states = xfloats(WHOLE * 8), *whole_dx = xfloats(64 * 8);
    float *grads = xfloats((size_t)f->model->size);
    run_segments(f, &shared, tokens, place, counts, states, dx);
    memcpy(grads, f->grads, (size_t)f->model->size * sizeof(float));
    run_segments(f, &whole, whole_tokens, whole_place, whole_counts, whole_states, whole_dx);
    for (int r = 0; r < WHOLE; r++)
        for (int i = 0; i < 8; i++) CHECK_NEAR(states[whole_place[r] * 8 + i], whole_states[r * 8 + i], 1e-5);
    for (int i = 0; i < SHARED * 8; i++) CHECK_NEAR(dx[i], whole_dx[i], 1e-4 * (1 + fabs(whole_dx[i])));
    for (int64_t i = 0; i < f->model->size; i++) CHECK_NEAR(grads[i], f->grads[i], 1e-4 * (1 + fabs(f->grads[i])));
    float *all[] = {states, dx, whole_states, whole_dx, grads};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    release(f);
}

/* Every interaction is a target exactly once, in windows no longer than asked. */
TEST(windows_score_every_item_once)
{
    int64_t long_offsets[] = {0, 40, 43, 45};
    int32_t items[45];
    for (int i = 0; i < 45; i++) items[i] = i % 6;
    interactions_t x = {.users = 3, .events = 45, .items = 6, .user_offsets = long_offsets, .item_index = items};
    examples_t r = examples_make(&x, 8, 2, (hold_back_t){0});
    int seen[45] = {0};
    for (int64_t i = 0; i < r.count; i++) {
        CHECK(r.list[i].count <= 8 && r.list[i].count > r.list[i].context);
        for (int32_t j = r.list[i].context; j < r.list[i].count; j++) seen[r.list[i].first + j]++;
    }
    for (int i = 0; i < 45; i++) CHECK(seen[i] == (i < 38 || i == 40));
    CHECK(r.targets == 39);
    examples_free(&r);
}

TEST(shards_hold_every_record_once)
{
    int64_t many_offsets[201];
    int32_t *items = NEW_ARRAY(int32_t, 200 * 9);
    for (int u = 0; u <= 200; u++) many_offsets[u] = u * 9;
    for (int i = 0; i < 1800; i++) items[i] = i * 7 % 6;
    interactions_t x = {.users = 200, .events = 1800, .items = 6, .user_offsets = many_offsets, .item_index = items};
    examples_t r = examples_make(&x, 20, 2, (hold_back_t){0});
    deal_t d = examples_deal(&r, &x, &sids, 64, 3);
    int seen[200] = {0};
    for (int64_t s = 0; s < d.shards; s++) {
        int64_t rows = 0;
        for (int64_t i = d.starts[s]; i < d.starts[s + 1]; i++) {
            rows += example_rows(&r.list[d.order[i]], &x, &sids);
            seen[d.order[i]]++;
        }
        CHECK(rows > 0 && rows <= 64);
    }
    for (int i = 0; i < 200; i++) CHECK(seen[i] == 1);
    deal_free(&d);
    examples_free(&r);
    free(items);
}

UNIT_MAIN(UNIT(gradients_trie_softmax), UNIT(gradients_level_softmax), UNIT(gradients_with_dropout), UNIT(label_smoothing_spreads_its_share),
          UNIT(extension_agrees_with_a_whole_pass),
          UNIT(branches_agree_with_whole_histories), UNIT(windows_score_every_item_once), UNIT(shards_hold_every_record_once))
