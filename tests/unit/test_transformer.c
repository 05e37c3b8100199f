/* The generator's gradients against finite differences, and its two ways of reading a history against each other. */
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "gen/histories.h"
#include "gen/objective.h"
#include "nn/embedding.h"
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

/* The same with what other families have: biases, norms of heads, scaled frequencies. */
static const model_config_t qwen = {.hidden_size = 8, .num_hidden_layers = 2, .num_attention_heads = 4, .num_key_value_heads = 2,
                                    .head_dim = 4, .intermediate_size = 12, .vocab_size = 9, .max_position_embeddings = 64,
                                    .rms_norm_eps = 1e-6, .rope_theta = 10000, .rope_scaling = {8, 1, 4, 16},
                                    .qkv_bias = true, .qk_norm = true};

typedef struct {
    space_t space;
    sequences_t sequences;
    sequence_pack_t pack;
    model_t *model;
    network_t *net;
    activations_t *acts;
    objective_t *objective;
    segments_t segments;
    int64_t bounds[3];
    int32_t tokens[64];
    scored_position_t positions[64];
    float *dhidden;
    grads_t *grads;
    double dropout;
} fixture_t;

static fixture_t *fixture_of(model_config_t config, softmax_t softmax, double smoothing, double dropout)
{
    fixture_t *f = NEW(fixture_t);
    f->space = space_make(&sids, softmax, BODY_FLAT, 20);
    f->model = model_new(config);
    model_init(f->model, 7);
    /* larger weights than a real start, so that every path carries a visible gradient */
    for (int i = 0; i < f->model->params.count; i++)
        for (int64_t j = 0; f->model->params.blocks[i].decay && j < f->model->params.blocks[i].count; j++)
            params_values(&f->model->params, i)[j] *= 15;
    f->net = network_new(f->model, backend_open("f32"), 64);
    f->acts = activations_new(f->net, PASS_TRAIN, 64, 64, 0);
    f->objective = objective_new(f->net, &f->space, smoothing, 1);
    f->pack = (sequence_pack_t){.symbols = f->tokens, .positions = f->positions};
    sequences_add(&f->sequences, histories_task(&interactions, &f->space, (hold_back_t){0}));
    for (int64_t i = 0; i < f->sequences.count; i++) {
        f->bounds[i] = f->pack.rows;
        sequences_expand(&f->sequences, i, &f->pack);
    }
    f->bounds[f->sequences.count] = f->pack.rows;
    f->segments = (segments_t){f->pack.rows, f->sequences.count, f->bounds, NULL};
    f->dhidden = xfloats(64 * 8);
    f->grads = grads_new(&f->model->params);
    f->dropout = dropout;
    return f;
}

static fixture_t *fixture(softmax_t softmax, double smoothing, double dropout) { return fixture_of(shape, softmax, smoothing, dropout); }

static void release(fixture_t *f)
{
    objective_free(f->objective);
    activations_free(f->acts);
    network_free(f->net);
    grads_free(f->grads);
    model_free(f->model);
    sequences_free(&f->sequences);
    space_free(&f->space);
    free(f->dhidden);
    free(f);
}

static void read_tokens(const fixture_t *f, activations_t *acts, int64_t rows, const int32_t *tokens)
{
    embedding_rows(f->model, rows, tokens, activations_input(acts));
}

/* Adds the gradient of the summed loss to f->grads; returns the loss. */
static double pass(fixture_t *f, bool backward)
{
    network_sync(f->net);
    read_tokens(f, f->acts, f->pack.rows, f->tokens);
    const operand_t *packed;
    const float *hidden = transformer_forward(f->net, f->acts, &f->segments, f->dropout, 99, &packed);
    loss_t loss = {0};
    memset(f->dhidden, 0, 64 * 8 * sizeof(float));
    objective_backward(f->objective, f->pack.scored, f->positions, hidden, packed, 1, f->dhidden, f->grads, &loss);
    if (backward) {
        transformer_backward(f->net, f->acts, &f->segments, f->dropout, 99, f->dhidden, f->grads);
        embedding_rows_backward(f->model, f->pack.rows, f->tokens, activations_input_grad(f->acts), f->grads);
    }
    return loss_per_item(&loss) * (double)loss.items;
}

/* Compares the gradient of every parameter tensor along a random direction with a central difference. */
static void check_gradients(model_config_t config, softmax_t softmax, double dropout)
{
    fixture_t *f = fixture_of(config, softmax, 0, dropout);
    pass(f, true);
    float *grads = xfloats((size_t)f->model->params.size);
    memcpy(grads, f->grads->dense, (size_t)f->model->params.size * sizeof(float));
    for (int i = 0; i < f->model->params.count; i++) {
        const param_t *p = &f->model->params.blocks[i];
        float *w = params_values(&f->model->params, i), *start = xfloats((size_t)p->count);
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

TEST(gradients_trie_softmax) { check_gradients(shape, SOFTMAX_TRIE, 0); }
TEST(gradients_level_softmax) { check_gradients(shape, SOFTMAX_LEVEL, 0); }
TEST(gradients_with_dropout) { check_gradients(shape, SOFTMAX_TRIE, 0.3); }
TEST(gradients_of_other_families) { check_gradients(qwen, SOFTMAX_TRIE, 0.3); }

/* With smoothing e over n allowed tokens the logits' gradient is softmax - (1 - e) [right] - e / n: it sums to zero, and at
 * the right token it is larger by e (1 - 1/n). Seen through one target's state gradient, on a model whose embedding is the identity. */
TEST(label_smoothing_spreads_its_share)
{
    fixture_t *plain = fixture(SOFTMAX_LEVEL, 0, 0), *smooth = fixture(SOFTMAX_LEVEL, 0.3, 0);
    const vocab_t *v = &plain->space.vocab;
    fixture_t *both[] = {plain, smooth};
    for (int i = 0; i < 2; i++) {
        float *table = model_embedding(both[i]->model, 0);
        memset(table, 0, 9 * 8 * sizeof(float));
        for (int t = 0; t < 8; t++) table[t * 8 + t] = 1;
        both[i]->pack.scored = 1;
        pass(both[i], false);
    }
    int32_t right = plain->positions[0].token;
    float *a = plain->dhidden + plain->positions[0].row * 8, *b = smooth->dhidden + smooth->positions[0].row * 8;
    for (int32_t t = v->first_code; t < v->first_code + 3; t++) CHECK_NEAR(b[t] - a[t], t == right ? 0.3 - 0.1 : -0.1, 1e-5);
    release(plain);
    release(smooth);
}

/* A pass for inference, and steps over its cached prefix, give the states that a whole training pass gives; `tolerance` is the steps'. */
static void check_extension(activations_pass_t kind, double tolerance)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, 0, 0);
    pass(f, false);
    const int64_t rows = f->bounds[1];
    float *whole = xfloats((size_t)(rows * 8));
    const operand_t *unused;
    read_tokens(f, f->acts, f->pack.rows, f->tokens);
    memcpy(whole, transformer_forward(f->net, f->acts, &f->segments, 0, 0, &unused), (size_t)(rows * 8) * sizeof(float));

    activations_t *acts = activations_new(f->net, kind, 64, 64, 2);
    const int64_t prefix = rows - 3;
    int64_t bounds[] = {0, prefix}, segment[] = {0, 0}, position[2];
    segments_t p = {prefix, 1, bounds, NULL};
    read_tokens(f, acts, prefix, f->tokens);
    const float *states = transformer_forward(f->net, acts, &p, 0, 0, &unused);
    for (int64_t i = 0; i < prefix * 8; i++) CHECK_NEAR(states[i], whole[i], 1e-5);
    extension_t steps[3];
    int32_t ancestor[2 * 3] = {0};
    for (int s = 0; s < 3; s++) {
        steps[s] = extension_new(f->net, 2);
        steps[s].rows = 2; /* row 0 continues as the history does, row 1 with another token throughout */
        memcpy(steps[s].x, model_embedding(f->model, f->tokens[prefix + s]), 8 * sizeof(float));
        memcpy(steps[s].x + 8, model_embedding(f->model, 1), 8 * sizeof(float));
        position[0] = position[1] = prefix + s;
        for (int a = 0; a < s; a++) {
            ancestor[a] = 0;
            ancestor[s + a] = 1;
        }
        transformer_extend(f->net, acts, &p, &steps[s], segment, position, s, steps, ancestor);
        for (int i = 0; i < 8; i++) CHECK_NEAR(steps[s].x[i], whole[(prefix + s) * 8 + i], tolerance);
    }
    for (int s = 0; s < 3; s++) extension_free(f->net, &steps[s]);
    activations_free(acts);
    free(whole);
    release(f);
}

TEST(extension_agrees_with_a_whole_pass) { check_extension(PASS_INFER, 1e-4); }

/* Keys and values of 8 bits of mantissa move what steps find by hundredths. */
TEST(extension_of_16_bits) { check_extension(PASS_INFER_16, 0.05); }

/* The fixture's model over `segments` segments of `tokens`: final states and, for a gradient of the states that depends on the
 * token's place in its history alone, those of the parameters and of the inputs by place. */
static void run_segments(fixture_t *f, const segments_t *p, const int32_t *tokens, const int *place, const bool *counts, float *states,
                         float *dx_by_place)
{
    activations_t *acts = activations_new(f->net, PASS_TRAIN, 64, 64, 0);
    read_tokens(f, acts, p->rows, tokens);
    memcpy(states, transformer_forward(f->net, acts, p, 0, 0, NULL), (size_t)(p->rows * 8) * sizeof(float));
    memset(f->dhidden, 0, 64 * 8 * sizeof(float));
    for (int64_t r = 0; r < p->rows; r++)
        for (int i = 0; i < 8; i++) f->dhidden[r * 8 + i] = counts[r] ? sinf((float)(place[r] * 8 + i)) : 0;
    grads_clear(f->grads);
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
        tokens[r] = r * 5 % f->space.vocab.size;
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
    segments_t shared = {SHARED, BRANCHES + 1, bounds, parents}, whole = {WHOLE, BRANCHES, whole_bounds, NULL};
    float *states = xfloats(SHARED * 8), *dx = xfloats(64 * 8), *whole_states = xfloats(WHOLE * 8), *whole_dx = xfloats(64 * 8);
    float *grads = xfloats((size_t)f->model->params.size);
    run_segments(f, &shared, tokens, place, counts, states, dx);
    memcpy(grads, f->grads->dense, (size_t)f->model->params.size * sizeof(float));
    run_segments(f, &whole, whole_tokens, whole_place, whole_counts, whole_states, whole_dx);
    for (int r = 0; r < WHOLE; r++)
        for (int i = 0; i < 8; i++) CHECK_NEAR(states[whole_place[r] * 8 + i], whole_states[r * 8 + i], 1e-5);
    for (int i = 0; i < SHARED * 8; i++) CHECK_NEAR(dx[i], whole_dx[i], 1e-4 * (1 + fabs(whole_dx[i])));
    for (int64_t i = 0; i < f->model->params.size; i++) CHECK_NEAR(grads[i], f->grads->dense[i], 1e-4 * (1 + fabs(f->grads->dense[i])));
    float *all[] = {states, dx, whole_states, whole_dx, grads};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    release(f);
}

/* Two passes without clearing in between give the sum of their gradients: here twice one, but for rounding. */
TEST(passes_add_up)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, 0.1, 0.3);
    const int64_t n = f->model->params.size;
    float *once = xfloats((size_t)n);
    pass(f, true);
    memcpy(once, f->grads->dense, (size_t)n * sizeof(float));
    pass(f, true);
    for (int64_t i = 0; i < n; i++) CHECK_NEAR(f->grads->dense[i], 2 * once[i], 1e-4 * (1e-3 + fabs(once[i])));
    grads_clear(f->grads);
    pass(f, true);
    CHECK(!memcmp(once, f->grads->dense, (size_t)n * sizeof(float)));
    free(once);
    release(f);
}

/* Frozen blocks have no gradient, and the others' are what they were. */
TEST(frozen_blocks_have_no_gradient)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, 0, 0);
    pass(f, true);
    const model_layer_t *l = &f->model->layers[0];
    const int frozen[] = {f->model->embed, l->norm1, l->gate_up.weight, l->gate_up.weight + 1};
    grads_t *all = f->grads;
    f->grads = grads_new(&f->model->params);
    for (size_t i = 0; i < sizeof frozen / sizeof *frozen; i++) f->model->params.blocks[frozen[i]].frozen = true;
    float *fixed = f->model->params.fixed;
    f->model->params.fixed = f->model->params.weights; /* where these blocks lie here */
    pass(f, true);
    for (int i = 0; i < f->model->params.count; i++) {
        const param_t *p = &f->model->params.blocks[i];
        const float *was = all->dense + p->offset, *is = f->grads->dense + p->offset;
        for (int64_t j = 0; j < p->count; j++) CHECK(is[j] == (p->frozen ? 0 : was[j]));
    }
    f->model->params.fixed = fixed;
    grads_free(all);
    release(f);
}

static sequences_t histories_of(const interactions_t *x, const space_t *space)
{
    sequences_t s = {0};
    sequences_add(&s, histories_task(x, space, (hold_back_t){0}));
    return s;
}

/* Every interaction is a target exactly once and in order, in windows no longer than asked. */
TEST(windows_score_every_item_once)
{
    int64_t long_offsets[] = {0, 40, 43, 45};
    int32_t items[45], tokens[64], expected[39 * SID_MAX_TOKENS];
    scored_position_t positions[64];
    for (int i = 0; i < 45; i++) items[i] = i % 6;
    interactions_t x = {.users = 3, .events = 45, .items = 6, .user_offsets = long_offsets, .item_index = items};
    space_t space = space_make(&sids, SOFTMAX_TRIE, BODY_FLAT, 8);
    sequences_t s = histories_of(&x, &space);
    int64_t wanted = 0, found = 0;
    for (int i = 0; i < 45; i++)
        if (i < 38 || i == 40) wanted += vocab_sid(&space.vocab, &sids, items[i], expected + wanted);
    for (int64_t i = 0; i < s.count; i++) {
        sequence_pack_t pack = {.symbols = tokens, .positions = positions};
        sequences_expand(&s, i, &pack);
        CHECK(pack.rows == sequences_rows(&s, i) && pack.rows <= s.longest && pack.scored > 0);
        for (int64_t j = 0; j < pack.scored; j++) {
            CHECK(found < wanted && positions[j].token == expected[found]);
            const bool last = positions[j].row + 1 == pack.rows;
            CHECK(last || tokens[positions[j].row + 1] == positions[j].token);
            found++;
        }
    }
    CHECK(found == wanted && s.targets == 39);
    sequences_free(&s);
    space_free(&space);
}

TEST(shards_hold_every_record_once)
{
    int64_t many_offsets[201];
    int32_t *items = NEW_ARRAY(int32_t, 200 * 9);
    for (int u = 0; u <= 200; u++) many_offsets[u] = u * 9;
    for (int i = 0; i < 1800; i++) items[i] = i * 7 % 6;
    interactions_t x = {.users = 200, .events = 1800, .items = 6, .user_offsets = many_offsets, .item_index = items};
    space_t space = space_make(&sids, SOFTMAX_TRIE, BODY_FLAT, 20);
    sequences_t r = histories_of(&x, &space);
    deal_t d = sequences_deal(&r, 0, 64, 3);
    int seen[200] = {0};
    for (int64_t s = 0; s < d.shards; s++) {
        int64_t rows = 0;
        for (int64_t i = d.starts[s]; i < d.starts[s + 1]; i++) {
            rows += sequences_rows(&r, d.order[i]);
            seen[d.order[i]]++;
        }
        CHECK(rows > 0 && rows <= 64);
    }
    for (int i = 0; i < 200; i++) CHECK(seen[i] == 1);
    deal_free(&d);
    sequences_free(&r);
    space_free(&space);
    free(items);
}

UNIT_MAIN(UNIT(gradients_trie_softmax), UNIT(gradients_level_softmax), UNIT(gradients_with_dropout), UNIT(gradients_of_other_families), UNIT(label_smoothing_spreads_its_share),
          UNIT(extension_agrees_with_a_whole_pass), UNIT(extension_of_16_bits), UNIT(branches_agree_with_whole_histories), UNIT(passes_add_up),
          UNIT(frozen_blocks_have_no_gradient), UNIT(windows_score_every_item_once), UNIT(shards_hold_every_record_once))
