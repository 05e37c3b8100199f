/* The generator against PyTorch on weights that a formula gives: states, losses, gradients, SID scores, the optimiser.
 * tests/torch/golden.py makes golden.h from the same formula and the same histories. */
#include <stdlib.h>

#include "base/mem.h"
#include "gen/decoder.h"
#include "gen/histories.h"
#include "gen/objective.h"
#include "golden.h"
#include "nn/embedding.h"
#include "nn/model.h"
#include "nn/optim.h"
#include "nn/transformer.h"
#include "policy/grpo.h"
#include "unit.h"

/* Six items on two levels of three codes; items 0 and 1 share both codes and carry suffixes, item 3 is alone from its first code. */
static int32_t code[] = {0, 1, 0, 1, 2, 0, 1, 2, 2, 2, 0, 0};
static int32_t suffix[] = {0, 1, -1, -1, -1, -1};
static const sids_t sids = {.items = 6, .levels = 2, .codes = 3, .max_suffix = 2, .code = code, .suffix = suffix};

/* The last two events of each user are held out. */
static int64_t offsets[] = {0, 6, 11};
static int32_t events[] = {0, 2, 4, 1, 0, 0, 5, 3, 3, 0, 0};
static const interactions_t interactions = {.users = 2, .events = 11, .items = 6, .user_offsets = offsets, .item_index = events};
static const history_t histories[] = {{events, 4, -1}, {events + 6, 3, -1}, {events, 0, -1}};

static const model_config_t config = {.hidden_size = 8, .num_hidden_layers = 2, .num_attention_heads = 4, .num_key_value_heads = 2,
                                      .head_dim = 4, .intermediate_size = 12, .vocab_size = 9, .max_position_embeddings = 64,
                                      .rms_norm_eps = 1e-6, .rope_theta = 10000};

enum { D = 8, ROWS = 16, TARGETS = 16, LONGEST = 1 + 4 * 3 };

typedef struct {
    space_t space;
    model_t *model;
    network_t *net;
    activations_t *acts;
    segments_t segments;
    sequence_pack_t pack;
    int64_t bounds[3];
    int32_t tokens[ROWS];
    scored_position_t positions[TARGETS];
    const float *hidden;
    const operand_t *hidden_packed;
    float *dhidden;
    grads_t *grads;
} fixture_t;

static fixture_t *fixture(softmax_t softmax)
{
    fixture_t *f = NEW(fixture_t);
    f->space = space_make(&sids, softmax, BODY_FLAT, 4);
    f->model = model_new(config);
    for (int i = 0; i < f->model->params.count; i++) {
        const param_t *p = &f->model->params.blocks[i];
        for (int64_t j = 0; j < p->count; j++) {
            double wave = sin(0.7 * (double)j + i + 1);
            params_values(&f->model->params, i)[j] = (float)(p->rows ? 0.5 * wave : 1 + 0.2 * wave);
        }
    }
    f->net = network_new(f->model, backend_open("f32"), 64);
    f->acts = activations_new(f->net, PASS_TRAIN, ROWS, LONGEST, 0);
    f->dhidden = xfloats(ROWS * D);
    f->grads = grads_new(&f->model->params);
    f->pack = (sequence_pack_t){.symbols = f->tokens, .positions = f->positions};
    sequences_t e = {0};
    sequences_add(&e, histories_task(&interactions, &f->space, (hold_back_t){0}));
    for (int64_t i = 0; i < e.count; i++) {
        f->bounds[i] = f->pack.rows;
        sequences_expand(&e, i, &f->pack);
    }
    f->bounds[e.count] = f->pack.rows;
    f->segments = (segments_t){f->pack.rows, e.count, f->bounds, NULL};
    embedding_rows(f->model, f->pack.rows, f->tokens, activations_input(f->acts));
    f->hidden = transformer_forward(f->net, f->acts, &f->segments, 0, 0, &f->hidden_packed);
    sequences_free(&e);
    return f;
}

static void release(fixture_t *f)
{
    activations_free(f->acts);
    network_free(f->net);
    grads_free(f->grads);
    model_free(f->model);
    space_free(&f->space);
    free(f->dhidden);
    free(f);
}

TEST(states)
{
    fixture_t *f = fixture(SOFTMAX_TRIE);
    CHECK(f->pack.rows == ROWS && f->pack.scored == TARGETS);
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < D; i++) CHECK_NEAR(f->hidden[r * D + i], golden_states[r][i], 5e-6);
    release(f);
}

/* One target at a time, so that every token's loss is seen. */
static void check_losses(softmax_t softmax, const double *golden)
{
    fixture_t *f = fixture(softmax);
    objective_t *o = objective_new(f->net, &f->space, 0);
    for (int i = 0; i < TARGETS; i++) {
        loss_t loss = {0};
        objective_backward(o, 1, &f->positions[i], f->hidden, f->hidden_packed, 1, f->dhidden, f->grads, &loss);
        CHECK_NEAR(loss.loss[f->positions[i].set.level], golden[i], 5e-6);
        CHECK(loss.tokens[f->positions[i].set.level] == 1);
    }
    objective_free(o);
    release(f);
}

TEST(losses_trie_softmax) { check_losses(SOFTMAX_TRIE, golden_loss_trie); }
TEST(losses_level_softmax) { check_losses(SOFTMAX_LEVEL, golden_loss_level); }

static void check_gradients(softmax_t softmax, double smoothing, const double golden[][3])
{
    fixture_t *f = fixture(softmax);
    objective_t *o = objective_new(f->net, &f->space, smoothing);
    loss_t loss = {0};
    objective_backward(o, TARGETS, f->positions, f->hidden, f->hidden_packed, 1.0 / ROWS, f->dhidden, f->grads, &loss);
    transformer_backward(f->net, f->acts, &f->segments, 0, 0, f->dhidden, f->grads);
    embedding_rows_backward(f->model, ROWS, f->tokens, activations_input_grad(f->acts), f->grads);
    for (int i = 0; i < f->model->params.count; i++) {
        const param_t *p = &f->model->params.blocks[i];
        const float *g = grads_block(f->grads, i);
        double weighted = 0;
        for (int64_t j = 0; j < p->count; j++) weighted += g[j] * cos((double)j);
        CHECK_NEAR(g[0], golden[i][0], 1e-6);
        CHECK_NEAR(g[p->count - 1], golden[i][1], 1e-6);
        CHECK_NEAR(weighted, golden[i][2], 3e-6);
    }
    objective_free(o);
    release(f);
}

TEST(gradients_trie_softmax_smoothed) { check_gradients(SOFTMAX_TRIE, 0.1, golden_gradient_trie); }
TEST(gradients_level_softmax) { check_gradients(SOFTMAX_LEVEL, 0, golden_gradient_level); }

static void check_beams(softmax_t softmax, const double scores[3][6], const double narrow[3][4])
{
    fixture_t *f = fixture(softmax);
    decoder_t *d = decoder_new(f->net, &f->space, 1);
    int32_t item[18];
    float score[18];
    decoder_topk(d, 3, histories, 6, 0, 6, item, score);
    for (int h = 0; h < 3; h++)
        for (int i = 0; i < 6; i++) {
            CHECK(item[h * 6 + i] >= 0 && item[h * 6 + i] < 6);
            CHECK_NEAR(score[h * 6 + i], scores[h][item[h * 6 + i] % 6], 1e-5);
            if (i) CHECK(score[h * 6 + i] < score[h * 6 + i - 1]);
        }
    decoder_topk(d, 3, histories, 2, 0, 2, item, score);
    for (int h = 0; h < 3; h++)
        for (int i = 0; i < 2; i++) {
            CHECK(item[h * 2 + i] == (int32_t)narrow[h][2 * i]);
            CHECK_NEAR(score[h * 2 + i], narrow[h][2 * i + 1], 1e-5);
        }
    decoder_free(d);
    release(f);
}

TEST(beams_trie_softmax) { check_beams(SOFTMAX_TRIE, golden_score_trie, golden_beam_trie); }
TEST(beams_level_softmax) { check_beams(SOFTMAX_LEVEL, golden_score_level, golden_beam_level); }

/* One step of GRPO on candidates given as tokens, with `old` log-probabilities off the policy's. */
static void check_policy(softmax_t softmax, const int32_t (*draws)[3], const double old[6][3], const double value[2], const double golden[][3])
{
    static const double advantages[] = {1.25, -0.5, -0.75, 0.875, 0.5, -1.375};
    fixture_t *f = fixture(softmax);
    model_t *frozen = model_new(config);
    for (int i = 0; i < f->model->params.count; i++) {
        const param_t *p = &f->model->params.blocks[i];
        for (int64_t j = 0; j < p->count; j++)
            params_values(&frozen->params, i)[j] = params_values(&f->model->params, i)[j] + 0.1f * cosf((float)j);
    }
    network_t *reference = network_new(frozen, f->net->backend, 64);
    const grpo_options_t o = {1.3, 0.2, 0.7, 3};
    grpo_t *g = grpo_new(f->net, reference, &f->space, &o);
    draw_t drawn[6] = {{.count = 0}};
    double was[6 * SID_MAX_TOKENS] = {0};
    for (int d = 0; d < 6; d++)
        for (int l = 0; l < 3 && draws[d][l]; l++) {
            drawn[d].tokens[drawn[d].count++] = draws[d][l];
            was[d * SID_MAX_TOKENS + l] = old[d][l];
        }
    const grpo_group_t groups[] = {{&histories[0], drawn, advantages, was}, {&histories[1], drawn + 3, advantages + 3, was + 3 * SID_MAX_TOKENS}};
    grpo_stats_t stats = {0};
    grpo_backward(g, 2, groups, false, 0.5, f->grads, &stats);
    CHECK_NEAR(stats.loss, value[0], 1e-5 * fabs(value[0]));
    CHECK_NEAR(stats.kl, value[1], 1e-4 * fabs(value[1]));
    CHECK(stats.clipped > 0 && stats.clipped < stats.tokens);
    for (int i = 0; i < f->model->params.count; i++) {
        const param_t *p = &f->model->params.blocks[i];
        const float *grad = grads_block(f->grads, i);
        double sum = 0, size = 0;
        for (int64_t j = 0; j < p->count; j++) {
            sum += grad[j] * cos((double)j);
            size = fmax(size, fabs((double)grad[j]));
        }
        CHECK_NEAR(grad[0], golden[i][0], 1e-4 * size);
        CHECK_NEAR(grad[p->count - 1], golden[i][1], 1e-4 * size);
        CHECK_NEAR(sum, golden[i][2], 1e-4 * fmax(size, fabs(golden[i][2])));
    }
    /* more groups than fit one pass of the network: the same two over and over */
    enum { COPIES = 25 };
    grpo_group_t many[2 * COPIES];
    const int64_t size = f->model->params.size;
    float *once = xfloats((size_t)size);
    memcpy(once, f->grads->dense, (size_t)size * sizeof(float));
    for (int i = 0; i < 2 * COPIES; i++) many[i] = groups[i % 2];
    stats = (grpo_stats_t){0};
    grads_clear(f->grads);
    grpo_backward(g, 2 * COPIES, many, false, 0.5 / COPIES, f->grads, &stats);
    CHECK_NEAR(stats.loss, value[0], 1e-5 * fabs(value[0]));
    for (int64_t i = 0; i < size; i++) CHECK_NEAR(f->grads->dense[i], once[i], 1e-5);
    free(once);
    /* a first pass: the ratios are 1, and what it finds is what the second goes by */
    stats = (grpo_stats_t){0};
    grpo_backward(g, 2, groups, true, 0.5, f->grads, &stats);
    CHECK(stats.clipped == 0);
    const double first = stats.loss;
    stats = (grpo_stats_t){0};
    grpo_backward(g, 2, groups, false, 0.5, f->grads, &stats);
    CHECK(stats.loss == first && stats.clipped == 0);
    grpo_free(g);
    network_free(reference);
    model_free(frozen);
    release(f);
}

TEST(policy_constrained)
{
    static const int32_t draws[6][3] = {{3, 6, 0}, {1, 5, 7}, {2, 6, 0}, {1, 4, 0}, {1, 5, 8}, {1, 5, 8}};
    check_policy(SOFTMAX_TRIE, draws, golden_policy_old_trie, golden_policy_loss_trie, golden_policy_gradient_trie);
}

TEST(policy_free)
{
    static const int32_t draws[6][3] = {{3, 6, 0}, {2, 5, 0}, {1, 5, 7}, {1, 4, 0}, {1, 5, 8}, {2, 6, 0}};
    check_policy(SOFTMAX_LEVEL, draws, golden_policy_old_level, golden_policy_loss_level, golden_policy_gradient_level);
}

TEST(adamw)
{
    float w[] = {0.5f, -0.25f, 1, 0}, m[4] = {0}, v[4] = {0};
    const adamw_t o = {.lr = 0.1, .beta1 = 0.9, .beta2 = 0.98, .eps = 1e-8, .weight_decay = 0.05};
    for (int step = 0; step < 3; step++) {
        float grad[4];
        for (int i = 0; i < 4; i++) grad[i] = 4 * cosf((float)step + w[i]);
        adamw_step(&o, step + 1, 0.25, 4, w, grad, m, v); /* the scale that clips: a quarter of four times the gradient */
        for (int i = 0; i < 4; i++) CHECK_NEAR(w[i], golden_adamw[step][i], 1e-6);
    }
}

UNIT_MAIN(UNIT(states), UNIT(losses_trie_softmax), UNIT(losses_level_softmax), UNIT(gradients_trie_softmax_smoothed),
          UNIT(gradients_level_softmax), UNIT(beams_trie_softmax), UNIT(beams_level_softmax),
          UNIT(policy_constrained), UNIT(policy_free), UNIT(adamw))
