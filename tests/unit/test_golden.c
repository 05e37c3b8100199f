/* The generator against PyTorch on weights that a formula gives: states, losses, gradients, SID scores, the optimiser. Of the flat
 * body under both softmaxes, and of timelines with learned positions, item vectors and node vectors, one of which thinks.
 * tests/torch/golden.py makes golden.h from the same formula and the same histories. */
#include <stdlib.h>

#include "base/mem.h"
#include "gen/decoder.h"
#include "gen/histories.h"
#include "gen/lesson.h"
#include "gen/objective.h"
#include "gen/pass.h"
#include "golden.h"
#include "nn/model.h"
#include "nn/optim.h"
#include "nn/transformer.h"
#include "nn/vec.h"
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

enum { D = 8, ROWS = 16, TARGETS = 16, MAX_ITEMS = 4, LONGEST = 1 + MAX_ITEMS * 3 };

typedef struct {
    space_t space;
    model_t *model;
    network_t *net;
    pass_t *pass;
    segments_t segments;
    sequence_pack_t pack;
    int64_t bounds[3];
    int32_t symbols[ROWS];
    scored_position_t positions[TARGETS];
    const float *states;
    const operand_t *packed;
    grads_t *grads;
} fixture_t;

/* Gives all blocks their values by the formula. */
static void fill(const params_t *params, int first)
{
    for (int i = 0; i < params->count; i++) {
        const param_t *p = &params->blocks[i];
        for (int64_t j = 0; j < p->count; j++) {
            double wave = sin(0.7 * (double)j + first + i + 1);
            params_values(params, i)[j] = (float)(p->rows ? 0.5 * wave : 1 + 0.2 * wave);
        }
    }
}

/* Whether timelines that are made from now on think. */
static bool thinks;

static model_t *make_model(const space_t *s)
{
    model_config_t c = {.hidden_size = D, .num_hidden_layers = 2, .num_attention_heads = 4, .num_key_value_heads = 2, .head_dim = 4,
                        .intermediate_size = 12, .vocab_size = 9, .max_position_embeddings = 64, .rms_norm_eps = 1e-6, .rope_theta = 10000};
    if (s->body == BODY_TIMELINE) {
        c.depth_levels = 3;
        c.depth_size = 10;
        c.think_levels = thinks ? 2 : 0;
        c.think_size = thinks ? 6 : 0;
        c.learned_positions = space_positions(s);
        c.item_vectors = sids.items;
        c.node_vectors = s->trie.nodes;
    }
    model_t *m = model_new(c);
    fill(&m->params, 0);
    return m;
}

static void lay_out(fixture_t *f)
{
    sequences_t e = {0};
    sequences_add(&e, histories_task(&interactions, &f->space, (hold_back_t){0}));
    f->pack = (sequence_pack_t){.symbols = f->symbols, .positions = f->positions};
    if (f->space.body == BODY_TIMELINE) f->pack.prefixes = depth_prefixes_new(&f->space, ROWS, thinks);
    for (int64_t i = 0; i < e.count; i++) {
        f->bounds[i] = f->pack.rows;
        sequences_expand(&e, i, &f->pack);
    }
    f->bounds[e.count] = f->pack.rows;
    f->segments = (segments_t){f->pack.rows, e.count, f->bounds, NULL};
    sequences_free(&e);
}

static fixture_t *fixture(body_t body, softmax_t softmax)
{
    fixture_t *f = NEW(fixture_t);
    f->space = space_make(&sids, softmax, body, MAX_ITEMS);
    f->space.thinks = thinks && body == BODY_TIMELINE;
    f->model = make_model(&f->space);
    f->net = network_new(f->model, backend_open("f32"), 64);
    f->grads = grads_new(&f->model->params);
    f->pass = pass_new(f->net, &f->space, PASS_TRAIN, ROWS, LONGEST, ROWS);
    lay_out(f);
    f->states = pass_forward(f->pass, &(pass_input_t){f->segments, f->symbols, &f->pack.prefixes}, &(pass_rates_t){0}, 0, &f->packed);
    CHECK(f->pack.scored == TARGETS);
    return f;
}

static void release(fixture_t *f)
{
    depth_prefixes_free(&f->pack.prefixes);
    pass_free(f->pass);
    network_free(f->net);
    grads_free(f->grads);
    model_free(f->model);
    space_free(&f->space);
    free(f);
}

/* All blocks' gradients, one after the other, each laid out as its values. */
static float *gradients_of(const params_t *p, grads_t *grads)
{
    float *all = xfloats((size_t)params_number(p)), *to = all;
    for (int i = 0; i < p->count; to += p->blocks[i++].count)
        for (int64_t j = 0, cols = p->blocks[i].cols; j < p->blocks[i].count; j += cols)
            memcpy(to + j, p->blocks[i].rows ? grads_row(grads, i, j / cols) : grads_block(grads, i), (size_t)cols * sizeof *to);
    return all;
}

static float *gradients(const fixture_t *f) { return gradients_of(&f->model->params, f->grads); }

TEST(states)
{
    fixture_t *f = fixture(BODY_FLAT, SOFTMAX_TRIE);
    CHECK(f->pack.rows == ROWS);
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < D; i++) CHECK_NEAR(f->states[r * D + i], golden_states[r][i], 5e-6);
    release(f);
}

/* One target at a time, so that every token's loss is seen. */
static void check_losses(body_t body, softmax_t softmax, const double *golden)
{
    fixture_t *f = fixture(body, softmax);
    objective_t *o = objective_new(f->net, &f->space, 0, 1);
    for (int i = 0; i < TARGETS; i++) {
        loss_t loss = {0};
        objective_backward(o, 1, &f->positions[i], f->states, f->packed, 1, pass_gradient(f->pass), f->grads, &loss);
        CHECK_NEAR(loss.loss[f->positions[i].set.level], golden[i], 5e-6);
        CHECK(loss.tokens[f->positions[i].set.level] == 1);
    }
    objective_free(o);
    release(f);
}

TEST(losses_trie_softmax) { check_losses(BODY_FLAT, SOFTMAX_TRIE, golden_loss_trie); }
TEST(losses_level_softmax) { check_losses(BODY_FLAT, SOFTMAX_LEVEL, golden_loss_level); }
TEST(losses_timeline) { check_losses(BODY_TIMELINE, SOFTMAX_TRIE, golden_loss_timeline); }

static void check_summaries(const params_t *params, grads_t *grads, const double golden[][3], double tolerance)
{
    float *all = gradients_of(params, grads), *g = all;
    for (int i = 0; i < params->count; i++) {
        const int64_t n = params->blocks[i].count;
        double weighted = 0;
        for (int64_t j = 0; j < n; j++) weighted += g[j] * cos((double)j);
        CHECK_NEAR(g[0], golden[i][0], tolerance);
        CHECK_NEAR(g[n - 1], golden[i][1], tolerance);
        CHECK_NEAR(weighted, golden[i][2], 3 * tolerance);
        g += n;
    }
    free(all);
}

static void check_gradients(body_t body, softmax_t softmax, double smoothing, const double golden[][3])
{
    fixture_t *f = fixture(body, softmax);
    objective_t *o = objective_new(f->net, &f->space, smoothing, 1);
    loss_t loss = {0};
    objective_backward(o, TARGETS, f->positions, f->states, f->packed, 1.0 / (double)f->pack.rows, pass_gradient(f->pass), f->grads, &loss);
    pass_backward(f->pass, f->grads);
    check_summaries(&f->model->params, f->grads, golden, thinks ? 2e-5 : 1e-6); /* roundings add up from step to step */
    objective_free(o);
    release(f);
}

TEST(gradients_trie_softmax_smoothed) { check_gradients(BODY_FLAT, SOFTMAX_TRIE, 0.1, golden_gradient_trie); }
TEST(gradients_level_softmax) { check_gradients(BODY_FLAT, SOFTMAX_LEVEL, 0, golden_gradient_level); }
TEST(gradients_timeline_smoothed) { check_gradients(BODY_TIMELINE, SOFTMAX_TRIE, 0.1, golden_gradient_timeline); }

static void check_beams(body_t body, softmax_t softmax, const double scores[3][6], const double narrow[3][4])
{
    fixture_t *f = fixture(body, softmax);
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

TEST(beams_trie_softmax) { check_beams(BODY_FLAT, SOFTMAX_TRIE, golden_score_trie, golden_beam_trie); }
TEST(beams_level_softmax) { check_beams(BODY_FLAT, SOFTMAX_LEVEL, golden_score_level, golden_beam_level); }
TEST(beams_timeline) { check_beams(BODY_TIMELINE, SOFTMAX_TRIE, golden_score_timeline, golden_beam_timeline); }

/* One step of GRPO on candidates given as tokens, with `old` log-probabilities off the policy's. */
static void check_policy(body_t body, softmax_t softmax, const int32_t (*draws)[3], const double old[6][3], const double value[2],
                         const double golden[][3])
{
    static const double advantages[] = {1.25, -0.5, -0.75, 0.875, 0.5, -1.375};
    fixture_t *f = fixture(body, softmax);
    model_t *frozen = make_model(&f->space);
    for (int i = 0; i < frozen->params.count; i++)
        for (int64_t j = 0; j < frozen->params.blocks[i].count; j++) params_values(&frozen->params, i)[j] += 0.1f * cosf((float)j);
    network_t *reference = network_new(frozen, f->net->backend, 64);
    const grpo_options_t o = {.temperature = 1.3, .epsilon = 0.2, .beta = 0.7, .group = 3};
    grpo_t *g = grpo_new(f->net, reference, &f->space, &o);
    draw_t drawn[6] = {{.count = 0}};
    double was[6 * SID_MAX_TOKENS] = {0};
    for (int d = 0; d < 6; d++)
        for (int l = 0; l < 3 && draws[d][l]; l++) {
            drawn[d].tokens[drawn[d].count++] = draws[d][l];
            was[d * SID_MAX_TOKENS + l] = old[d][l];
        }
    const grpo_group_t groups[] = {{&histories[0], drawn, NULL, advantages, was, 0.5}, {&histories[1], drawn + 3, NULL, advantages + 3, was + 3 * SID_MAX_TOKENS, 0.5}};
    grpo_stats_t stats = {0};
    grpo_backward(g, 2, groups, false, 0.5, f->grads, &stats);
    CHECK_NEAR(stats.loss, value[0], 1e-5 * fabs(value[0]));
    CHECK_NEAR(stats.kl, value[1], 1e-4 * fabs(value[1]));
    CHECK(stats.clipped > 0 && stats.clipped < stats.tokens);
    float *once = gradients(f), *grad = once;
    for (int i = 0; i < f->model->params.count; i++) {
        const int64_t n = f->model->params.blocks[i].count;
        double sum = 0, size = 0;
        for (int64_t j = 0; j < n; j++) {
            sum += grad[j] * cos((double)j);
            size = fmax(size, fabs((double)grad[j]));
        }
        CHECK_NEAR(grad[0], golden[i][0], 1e-4 * size);
        CHECK_NEAR(grad[n - 1], golden[i][1], 1e-4 * size);
        CHECK_NEAR(sum, golden[i][2], 1e-4 * fmax(size, fabs(golden[i][2])));
        grad += n;
    }
    /* more groups than fit one pass of the network: the same two over and over */
    enum { COPIES = 25 };
    grpo_group_t many[2 * COPIES];
    for (int i = 0; i < 2 * COPIES; i++) {
        many[i] = groups[i % 2];
        many[i].weight /= COPIES;
    }
    stats = (grpo_stats_t){0};
    grads_clear(f->grads);
    grpo_backward(g, 2 * COPIES, many, false, 0.5 / COPIES, f->grads, &stats);
    CHECK_NEAR(stats.loss, value[0], 1e-5 * fabs(value[0]));
    float *again = gradients(f);
    for (int64_t i = 0; i < params_number(&f->model->params); i++) CHECK_NEAR(again[i], once[i], 1e-5);
    free(again);
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

static const int32_t constrained[6][3] = {{3, 6, 0}, {1, 5, 7}, {2, 6, 0}, {1, 4, 0}, {1, 5, 8}, {1, 5, 8}};

TEST(policy_constrained)
{
    check_policy(BODY_FLAT, SOFTMAX_TRIE, constrained, golden_policy_old_trie, golden_policy_loss_trie, golden_policy_gradient_trie);
}

TEST(policy_free)
{
    static const int32_t draws[6][3] = {{3, 6, 0}, {2, 5, 0}, {1, 5, 7}, {1, 4, 0}, {1, 5, 8}, {2, 6, 0}};
    check_policy(BODY_FLAT, SOFTMAX_LEVEL, draws, golden_policy_old_level, golden_policy_loss_level, golden_policy_gradient_level);
}

TEST(policy_timeline)
{
    check_policy(BODY_TIMELINE, SOFTMAX_TRIE, constrained, golden_policy_old_timeline, golden_policy_loss_timeline,
                 golden_policy_gradient_timeline);
}

TEST(losses_thinking) { thinks = true; check_losses(BODY_TIMELINE, SOFTMAX_TRIE, golden_loss_thinking); }
TEST(gradients_thinking_smoothed) { thinks = true; check_gradients(BODY_TIMELINE, SOFTMAX_TRIE, 0.1, golden_gradient_thinking); }
TEST(beams_thinking) { thinks = true; check_beams(BODY_TIMELINE, SOFTMAX_TRIE, golden_score_thinking, golden_beam_thinking); }

TEST(policy_thinking)
{
    thinks = true;
    check_policy(BODY_TIMELINE, SOFTMAX_TRIE, constrained, golden_policy_old_thinking, golden_policy_loss_thinking,
                 golden_policy_gradient_thinking);
}

/* What teaches thoughts: clusters and a codebook's width as given, the tutor's weights by the formula. */
TEST(lesson_thinking)
{
    static const int32_t of[] = {0, 1, 1, 1, 0, 1};
    static float codebook[2 * 3 * 5];
    thinks = true;
    fixture_t *f = fixture(BODY_TIMELINE, SOFTMAX_TRIE);
    const tutor_options_t o = {.align = 0.8, .guide = 0.9, .follow = 0.7, .temperature = 0.5, .clusters = 2, .ffn = 6};
    tutor_t *t = tutor_new(f->net, &f->space, &o, (codebook_t){codebook, 5}, 1, false, 0);
    fill(t->params, 100);
    tutor_sync(t);
    memcpy(t->clusters.of, of, sizeof of);
    for (int i = 0; i < 2 * 2 * 5; i++) t->clusters.centroids[i] = cosf(0.9f * (float)i + 1);
    for (int k = 0; k < 4; k++) vec_to_length_one(5, t->clusters.centroids + 5 * k);
    lesson_t *s = lesson_new(t, f->net, &f->space, ROWS);
    lesson_loss_t loss = {0};
    lesson_backward(s, f->pass, &f->pack.prefixes, 0.3, t->learner.grads[0], &loss);
    pass_backward(f->pass, f->grads);
    const double found[] = {loss.align[0], loss.align[1], loss.guide, loss.follow};
    for (int i = 0; i < 4; i++) CHECK_NEAR(found[i], golden_lesson_loss[i], 1e-5 * fabs(golden_lesson_loss[i]));
    check_summaries(&f->model->params, f->grads, golden_lesson_gradient, 2e-5);
    check_summaries(t->params, t->learner.grads[0], golden_lesson_gradient + f->model->params.count, 2e-5);
    lesson_free(s);
    tutor_free(t);
    release(f);
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

UNIT_MAIN(UNIT(states), UNIT(losses_trie_softmax), UNIT(losses_level_softmax), UNIT(losses_timeline),
          UNIT(gradients_trie_softmax_smoothed), UNIT(gradients_level_softmax), UNIT(gradients_timeline_smoothed),
          UNIT(beams_trie_softmax), UNIT(beams_level_softmax), UNIT(beams_timeline),
          UNIT(policy_constrained), UNIT(policy_free), UNIT(policy_timeline), UNIT(losses_thinking),
          UNIT(gradients_thinking_smoothed), UNIT(beams_thinking), UNIT(policy_thinking), UNIT(lesson_thinking), UNIT(adamw))
