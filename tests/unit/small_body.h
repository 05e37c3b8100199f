/* A small model of either body with what trains it, and how its gradients, its beams and its policy's gradient are checked. */
#ifndef SIDMILL_SMALL_BODY_H
#define SIDMILL_SMALL_BODY_H

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "gen/decoder.h"
#include "gen/histories.h"
#include "gen/lesson.h"
#include "gen/objective.h"
#include "gen/pass.h"
#include "gen/scorer.h"
#include "gen/tutor.h"
#include "policy/grpo.h"
#include "small_model.h"
#include "tasks/text_tasks.h"
#include "unit.h"

enum { ROWS = 512, SEQUENCES = 64, LEVELS = 3, TEXT_TOKENS = 30 }; /* the suffix is a level */

/* What a model is made of. */
typedef struct {
    softmax_t softmax;
    body_t body;
    bool thinks, learned_positions, sparse_embedding;
    double item_weight;
    int64_t thought_of; /* targets of a flat body's history; 0: all */
    const item_texts_t *texts; /* all tasks with texts, of TEXT_TOKENS tokens; NULL: none */
} made_of_t;

typedef struct {
    made_of_t of;
    space_t space;
    model_t *model;
    network_t *net;
    grads_t *grads;
    pass_t *pass;
    objective_t *objective;
    sequences_t sequences;
    sequence_pack_t pack;
    int32_t symbols[ROWS];
    scored_position_t positions[ROWS * (LEVELS + 1)];
    int64_t bounds[SEQUENCES + 1];
    pass_rates_t rates;
    double node_drop, item_weight;
    int64_t sampled;
    tutor_t *tutor;
    lesson_t *lesson;
    const char *only, *without; /* blocks that check_gradients() looks at: whose names begin so, and do not; NULL: all */
} fixture_t;

/* Draws all that starts small or at zero larger, so that every path shows. */
static inline model_t *loud_model(const space_t *s, const made_of_t *of)
{
    const bool timeline = of->body == BODY_TIMELINE;
    model_t *m = model_new((model_config_t){
        .hidden_size = SMALL_D, .num_hidden_layers = 2, .num_attention_heads = 4, .num_key_value_heads = 2, .head_dim = 4,
        .intermediate_size = 12, .vocab_size = s->vocab.size, .max_position_embeddings = 64, .rms_norm_eps = 1e-6, .rope_theta = 10000,
        .depth_levels = timeline ? LEVELS : 0, .depth_size = timeline ? 10 : 0,
        .think_levels = of->thinks ? LEVELS - 1 : 0, .think_size = of->thinks && timeline ? 6 : 0,
        .item_vectors = timeline ? s->sids->items : 0, .node_vectors = s->trie.nodes,
        .learned_positions = of->learned_positions ? space_positions(s) : 0, .sparse_embedding = of->sparse_embedding});
    model_init(m, 7);
    for (int i = 0; i < m->params.count; i++)
        if (m->params.blocks[i].rows) params_fill_normal(&m->params, i, 0.3, rng_stream(3, m->params.blocks[i].name));
    return m;
}

static inline fixture_t *fixture_of(made_of_t of)
{
    fixture_t *f = NEW(fixture_t);
    f->of = of;
    f->space = space_make(&small_sids, of.softmax, of.body, 20);
    f->space.thinks = of.thinks;
    if (of.texts) space_add_text(&f->space, TEXT_TOKENS, of.texts->most, NULL, 0);
    f->model = loud_model(&f->space, &of);
    f->net = network_new(f->model, backend_open("f32"), space_positions(&f->space));
    f->grads = grads_new(&f->model->params);
    f->pass = pass_new(f->net, &f->space, PASS_TRAIN, ROWS, ROWS, ROWS);
    f->item_weight = of.item_weight;
    f->objective = objective_new(f->net, &f->space, 0, of.item_weight);
    f->pack = (sequence_pack_t){.symbols = f->symbols, .positions = f->positions, .first_prefix = pass_first(f->pass), .key = 4,
                                .think = !of.thinks ? 0 : of.thought_of ? of.thought_of : INT64_MAX, .items = of.item_weight > 0};
    if (space_by_prefixes(&f->space)) f->pack.prefixes = depth_prefixes_new(&f->space, ROWS, of.thinks);
    sequences_add(&f->sequences, histories_task(&small_interactions, &f->space, (hold_back_t){0}));
    const task_source_t from = {&f->space, &small_interactions, of.texts, {0, 0, 0}};
    for (int t = TASK_NEXT + 1; of.texts && t < TASKS; t++) sequences_add(&f->sequences, text_task(&from, (task_t)t));
    for (int64_t i = 0; i < f->sequences.count; i++) {
        f->bounds[i] = f->pack.rows;
        sequences_expand(&f->sequences, i, &f->pack);
    }
    f->bounds[f->sequences.count] = f->pack.rows;
    return f;
}

static inline void release(fixture_t *f)
{
    sequences_free(&f->sequences);
    depth_prefixes_free(&f->pack.prefixes);
    objective_free(f->objective);
    lesson_free(f->lesson);
    tutor_free(f->tutor);
    pass_free(f->pass);
    grads_free(f->grads);
    network_free(f->net);
    model_free(f->model);
    space_free(&f->space);
    free(f);
}

/* Takes all sequences through the model. */
static inline loss_t learn(fixture_t *f, bool backward)
{
    const pass_input_t in = {{f->pack.rows, f->sequences.count, f->bounds, NULL}, f->symbols, &f->pack.prefixes};
    const operand_t *packed;
    loss_t loss = {0};
    const float *states = pass_forward(f->pass, &in, &f->rates, 99, &packed);
    objective_drop_nodes(f->objective, f->node_drop, 5);
    objective_sample(f->objective, f->sampled, 6);
    objective_backward(f->objective, f->pack.scored, f->positions, states, packed, 1, pass_gradient(f->pass), f->grads, &loss);
    if (backward) pass_backward(f->pass, f->grads);
    return loss;
}

static inline double supervised(fixture_t *f, bool backward)
{
    const loss_t loss = learn(f, backward);
    return loss_per_item(&loss) * (double)loss.items + f->item_weight * loss.loss[LOSS_ITEM];
}

/* Moves every value of a block by `step` along a random direction from `start`. */
static inline void move_block(const params_t *params, int block, float step, const float *start)
{
    const param_t *p = &params->blocks[block];
    const uint64_t key = rng_stream(5, p->name);
    for (int64_t j = 0; j < p->count; j++) params_values(params, block)[j] = start[j] + step * (float)rng_normal(key, (uint64_t)j);
}

/* The gradient of a block along that direction. */
static inline double along(const params_t *params, int block, grads_t *grads)
{
    const param_t *p = &params->blocks[block];
    const uint64_t key = rng_stream(5, p->name);
    double sum = 0;
    for (int64_t r = 0; r < (p->rows ? p->rows : 1); r++) {
        const float *g = p->rows ? grads_row(grads, block, r) : grads_block(grads, block);
        for (int64_t j = 0; j < p->cols; j++) sum += (double)g[j] * rng_normal(key, (uint64_t)(r * p->cols + j));
    }
    return sum;
}

static inline void take_over(fixture_t *f)
{
    network_sync(f->net);
    if (f->tutor) tutor_sync(f->tutor);
}

static inline double loss_moved(fixture_t *f, params_t *params, int block, float step, double (*loss)(fixture_t *, bool))
{
    float *w = params_values(params, block), *start = xfloats((size_t)params->blocks[block].count);
    memcpy(start, w, (size_t)params->blocks[block].count * sizeof(float));
    move_block(params, block, step, start);
    take_over(f);
    const double moved = loss(f, false);
    memcpy(w, start, (size_t)params->blocks[block].count * sizeof(float));
    free(start);
    return moved;
}

/* Compares the gradient of every block, along a random direction, with a central difference of `loss`. */
static inline void check_blocks(fixture_t *f, params_t *params, grads_t **grads, double (*loss)(fixture_t *, bool))
{
    grads_t *kept = *grads, *other = f->grads;
    for (int i = 0; i < params->count; i++) {
        const char *name = params->blocks[i].name;
        if ((f->only && strncmp(name, f->only, strlen(f->only))) || (f->without && !strcmp(name, f->without))) continue;
        const double expected = along(params, i, kept);
        *grads = grads_new(params);
        if (grads != &f->grads) f->grads = grads_new(&f->model->params);
        const double measured = (loss_moved(f, params, i, 1e-3f, loss) - loss_moved(f, params, i, -1e-3f, loss)) / 2e-3;
        if (grads != &f->grads) grads_free(f->grads);
        grads_free(*grads);
        *grads = kept;
        f->grads = other;
        if (fabs(measured - expected) > 0.01 * (fabs(measured) + 0.3)) printf("# %s: gradient %.6f, difference %.6f\n", name, expected, measured);
        CHECK(fabs(measured - expected) <= 0.01 * (fabs(measured) + 0.3));
    }
}

static inline void check_gradients(fixture_t *f, double (*loss)(fixture_t *, bool))
{
    take_over(f);
    grads_clear(f->grads);
    loss(f, true);
    check_blocks(f, &f->model->params, &f->grads, loss);
    if (!f->tutor || f->only) return;
    take_over(f);
    grads_clear(f->tutor->learner.grads[0]);
    loss(f, true);
    check_blocks(f, f->tutor->params, &f->tutor->learner.grads[0], loss);
}

/* --- Beams --------------------------------------------------------------------------------------------------------------- */

static inline double logit(const fixture_t *f, const double *z, int32_t token, int64_t node)
{
    const float *own = node >= 0 && f->space.trie.parent[node] > 0 ? model_row(f->model, f->model->node_vectors, node) : NULL;
    double x = 0;
    for (int i = 0; i < SMALL_D; i++) x += z[i] * ((double)model_embedding(f->model, token)[i] + (own ? (double)own[i] : 0));
    return x;
}

/* z = g + W_down(silu(W_gate n) * (W_up n)) of one row, in doubles. */
static inline void block(const model_t *m, const gated_t *w, const double *g, double *z)
{
    const int64_t f = w->down.in;
    const float *gate = params_values(&m->params, w->gate_up.weight), *up = gate + f * SMALL_D, *down = params_values(&m->params, w->down.weight);
    const float *gain = params_values(&m->params, w->norm);
    double n[SMALL_D], square = 0;
    for (int i = 0; i < SMALL_D; i++) square += g[i] * g[i] / SMALL_D;
    for (int i = 0; i < SMALL_D; i++) {
        n[i] = g[i] / sqrt(square + 1e-6) * (double)gain[i];
        z[i] = g[i];
    }
    for (int64_t j = 0; j < f; j++) {
        double a = 0, b = 0;
        for (int i = 0; i < SMALL_D; i++) {
            a += (double)gate[j * SMALL_D + i] * n[i];
            b += (double)up[j * SMALL_D + i] * n[i];
        }
        for (int i = 0; i < SMALL_D; i++) z[i] += (double)down[i * f + j] * (a / (1 + exp(-a)) * b);
    }
}

/* Turns g into t. */
static inline void think(const model_t *m, int level, double *g)
{
    double t[SMALL_D];
    block(m, &m->think[level], g, t);
    for (int i = 0; i < SMALL_D; i++) g[i] = t[i] + (double)model_row(m, m->think_vectors, level)[i];
}

/* log p(item | history) of a timeline by the equations, over the transformer's own states. */
static inline double timeline_by_hand(const fixture_t *f, const history_t *h, int32_t item)
{
    activations_t *acts = activations_new(f->net, PASS_INFER, ROWS, ROWS, 0);
    int32_t symbols[ROWS];
    const int64_t rows = space_history(&f->space, h, symbols), bounds[] = {0, rows};
    const segments_t s = {rows, 1, bounds, NULL};
    float *x = activations_input(acts);
    memset(x, 0, (size_t)(rows * SMALL_D) * sizeof *x);
    for (int64_t r = 0; r < rows; r++)
        for (int i = 0; i < SMALL_D; i++) {
            float *at = &x[r * SMALL_D + i];
            if (r == 0) *at = model_embedding(f->model, f->space.vocab.bos)[i];
            if (r == 0) continue;
            for (int l = 0; l < space_sid_length(&f->space, symbols[r]); l++) *at += model_embedding(f->model, space_sid(&f->space, symbols[r])[l])[i];
            *at += model_row(f->model, f->model->item_vectors, symbols[r])[i];
        }
    const float *hidden = transformer_forward(f->net, acts, &s, 0, 0, NULL) + (rows - 1) * SMALL_D;
    double g[SMALL_D], z[SMALL_D], score = 0;
    int64_t node = 0;
    for (int i = 0; i < SMALL_D; i++) g[i] = (double)hidden[i];
    for (int l = 0; l < space_sid_length(&f->space, item); l++) {
        const int32_t token = space_sid(&f->space, item)[l];
        double sum = 0;
        if (l < f->model->config.think_levels) think(f->model, l, g);
        block(f->model, &f->model->depth[l], g, z);
        for (int32_t c = 0; c < f->space.trie.children[node]; c++) {
            const int64_t child = f->space.trie.first[node] + c;
            sum += exp(logit(f, z, f->space.trie.token[child], child));
        }
        node = trie_child(&f->space.trie, node, token);
        score += logit(f, z, token, node) - log(sum);
        for (int i = 0; i < SMALL_D; i++) g[i] += (double)model_embedding(f->model, token)[i];
    }
    activations_free(acts);
    return score;
}

/* log p(item | history) by the equations. */
typedef double by_hand_t(const fixture_t *f, const history_t *h, int32_t item);

/* Compares beams over all items, and the scorer, with the equations. */
static inline void check_beams(fixture_t *f, by_hand_t *by_hand)
{
    const history_t histories[] = {{small_events, 6, -1}, {small_events + 6, 2, -1}, {NULL, 0, -1}, {small_events, 2, -1}, {small_events, 3, -1}}; /* the last two share rows */
    decoder_t *d = decoder_new(f->net, &f->space, 1);
    int32_t items[5 * 6];
    float scores[5 * 6];
    decoder_topk(d, 5, histories, 6, 0, 6, items, scores);
    for (int h = 0; h < 5; h++) {
        double sum = 0;
        for (int i = 0; i < 6; i++) {
            const int at = h * 6 + i;
            CHECK(items[at] >= 0);
            CHECK_NEAR((double)scores[at], by_hand(f, &histories[h], items[at]), 1e-4);
            if (i) CHECK(scores[at] <= scores[at - 1]);
            sum += exp((double)scores[at]);
        }
        CHECK_NEAR(sum, 1, 1e-4);
    }
    decoder_free(d);
    const int64_t offsets[] = {0, 6, 12, 18, 24, 30};
    float scored[5 * 6];
    scorer_t *s = scorer_new(f->net, &f->space, 1);
    scorer_run(s, 5, histories, offsets, items, scored);
    for (int i = 0; i < 30; i++) CHECK_NEAR((double)scored[i], (double)scores[i], 1e-5);
    scorer_free(s);
    release(f);
}

/* --- The policy's gradient ---------------------------------------------------------------------------------------------------- */

enum { GROUP = 3, GROUPS = 3 };

/* What the policy is trained for. */
static grpo_options_t policy = {.temperature = 1.3, .epsilon = 100, .beta = 0.7, .group = GROUP};

static double policy_weight = 0.5;

/* The loss of n groups in one pass, of which the first two are of prompts that go on from each other; items 0 and 1 share their codes. */
static inline double groups_loss(fixture_t *f, int first, int n)
{
    static const history_t prompts[GROUPS] = {{small_events, 2, 4}, {small_events, 4, 5}, {small_events + 6, 3, 2}};
    static const int32_t drawn[GROUP] = {0, 1, 4};
    static const double advantages[GROUP] = {1.2, -0.7, 0.4};
    draw_t draws[GROUP] = {0}, targets[GROUPS] = {0};
    double old[GROUPS][GROUP * SID_MAX_TOKENS];
    grpo_group_t groups[GROUPS];
    for (int d = 0; d < GROUP; d++) {
        draws[d].item = drawn[d];
        draws[d].log_prob = (float)-d;
        draws[d].count = vocab_sid(&f->space.vocab, f->space.sids, drawn[d], draws[d].tokens);
    }
    for (int i = 0; i < GROUPS; i++) {
        for (int j = 0; j < GROUP * SID_MAX_TOKENS; j++) old[i][j] = -1;
        targets[i].item = prompts[i].target;
        targets[i].count = vocab_sid(&f->space.vocab, f->space.sids, targets[i].item, targets[i].tokens);
        groups[i] = (grpo_group_t){&prompts[i], draws, &targets[i], advantages, old[i], policy_weight / (1 + i)};
    }
    model_t *start = loud_model(&f->space, &f->of);
    network_t *reference = network_new(start, backend_open("f32"), space_positions(&f->space));
    grpo_t *g = grpo_new(f->net, reference, &f->space, &policy);
    grpo_stats_t stats = {0};
    grpo_backward(g, n, groups + first, false, 0.5, f->grads, &stats);
    grpo_free(g);
    network_free(reference);
    model_free(start);
    return stats.loss;
}

static inline double policy_loss(fixture_t *f, bool backward)
{
    (void)backward;
    return groups_loss(f, 0, GROUPS);
}

static inline void check_policy(fixture_t *f)
{
    for (int64_t i = 0; i < f->model->params.size; i++) f->model->params.weights[i] *= 1.1f; /* away from the reference */
    for (policy.objective = OBJECTIVE_GRPO; policy.objective <= OBJECTIVE_SDPO_RANK; policy.objective++)
        for (int kind = 0; kind < 3; kind++) { /* without the supervised term, with it, and by it alone */
            policy.supervised = kind ? 0.6 : 0;
            policy_weight = kind < 2 ? 0.5 : 0;
            check_gradients(f, policy_loss);
            CHECK_NEAR(groups_loss(f, 0, GROUPS), groups_loss(f, 0, 1) + groups_loss(f, 1, 1) + groups_loss(f, 2, 1), 1e-5);
        }
    release(f);
}

#endif
