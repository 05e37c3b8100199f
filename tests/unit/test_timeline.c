/* The timeline body: its gradients against finite differences, its beams against the equations written out, and what training
 * leaves out. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "gen/decoder.h"
#include "gen/histories.h"
#include "gen/objective.h"
#include "gen/pass.h"
#include "policy/grpo.h"
#include "small_model.h"
#include "unit.h"

enum { ROWS = 64, LEVELS = 3 }; /* the suffix is a level */

typedef struct {
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
    int64_t bounds[3];
    pass_rates_t rates;
    double node_drop, item_weight;
    int64_t sampled;
} fixture_t;

static const model_config_t shape = {.hidden_size = SMALL_D, .num_hidden_layers = 2, .num_attention_heads = 4, .num_key_value_heads = 2,
                                     .head_dim = 4, .intermediate_size = 12, .max_position_embeddings = 64, .rms_norm_eps = 1e-6,
                                     .rope_theta = 10000, .depth_levels = LEVELS, .depth_size = 10};

/* Draws all that starts small or at zero larger, so that every path shows. */
static model_t *loud_model(const space_t *s, bool learned_positions, bool sparse_embedding)
{
    model_config_t c = shape;
    c.vocab_size = s->vocab.size;
    c.item_vectors = s->sids->items;
    c.node_vectors = s->trie.nodes;
    c.learned_positions = learned_positions ? space_positions(s) : 0;
    c.sparse_embedding = sparse_embedding;
    model_t *m = model_new(c);
    model_init(m, 7);
    for (int i = 0; i < m->params.count; i++)
        if (m->params.blocks[i].rows) params_fill_normal(&m->params, i, 0.3, rng_stream(3, m->params.blocks[i].name));
    return m;
}

static fixture_t *fixture_of(softmax_t softmax, bool learned_positions, bool sparse_embedding, double item_weight)
{
    fixture_t *f = NEW(fixture_t);
    f->space = space_make(&small_sids, softmax, BODY_TIMELINE, 20);
    f->model = loud_model(&f->space, learned_positions, sparse_embedding);
    f->net = network_new(f->model, backend_open("f32"), space_positions(&f->space));
    f->grads = grads_new(&f->model->params);
    f->pass = pass_new(f->net, &f->space, PASS_TRAIN, ROWS, ROWS, ROWS);
    f->item_weight = item_weight;
    f->objective = objective_new(f->net, &f->space, 0, item_weight);
    f->pack = (sequence_pack_t){.symbols = f->symbols, .positions = f->positions, .prefixes = depth_prefixes_new(&f->space, ROWS, false),
                                .items = item_weight > 0};
    sequences_add(&f->sequences, histories_task(&small_interactions, &f->space, (hold_back_t){0}));
    for (int64_t i = 0; i < f->sequences.count; i++) {
        f->bounds[i] = f->pack.rows;
        sequences_expand(&f->sequences, i, &f->pack);
    }
    f->bounds[f->sequences.count] = f->pack.rows;
    return f;
}

static fixture_t *fixture(softmax_t softmax, bool learned_positions) { return fixture_of(softmax, learned_positions, false, 0); }

static void release(fixture_t *f)
{
    sequences_free(&f->sequences);
    depth_prefixes_free(&f->pack.prefixes);
    objective_free(f->objective);
    pass_free(f->pass);
    grads_free(f->grads);
    network_free(f->net);
    model_free(f->model);
    space_free(&f->space);
    free(f);
}

static double supervised(fixture_t *f, bool backward)
{
    const pass_input_t in = {{f->pack.rows, f->sequences.count, f->bounds, NULL}, f->symbols, &f->pack.prefixes};
    const operand_t *packed;
    loss_t loss = {0};
    const float *states = pass_forward(f->pass, &in, &f->rates, 99, &packed);
    objective_drop_nodes(f->objective, f->node_drop, 5);
    objective_sample(f->objective, f->sampled, 6);
    objective_backward(f->objective, f->pack.scored, f->positions, states, packed, 1, pass_gradient(f->pass), f->grads, &loss);
    if (backward) pass_backward(f->pass, f->grads);
    return loss_per_item(&loss) * (double)loss.items + f->item_weight * loss.loss[LOSS_ITEM];
}

/* Compares the gradient in f->grads of every block, along a random direction, with a central difference of `loss`. */
static void check_gradients(fixture_t *f, double (*loss)(fixture_t *, bool))
{
    params_t *params = &f->model->params;
    network_sync(f->net);
    grads_clear(f->grads);
    loss(f, true);
    for (int i = 0; i < params->count; i++) {
        const param_t *p = &params->blocks[i];
        const int64_t rows = p->rows ? p->rows : 1;
        float *w = params_values(params, i), *start = xfloats((size_t)p->count);
        const uint64_t key = rng_stream(5, p->name);
        double expected = 0, moved[2];
        memcpy(start, w, (size_t)p->count * sizeof(float));
        for (int64_t r = 0; r < rows; r++) {
            const float *g = p->rows ? grads_row(f->grads, i, r) : grads_block(f->grads, i);
            for (int64_t j = 0; j < p->cols; j++) expected += (double)g[j] * rng_normal(key, (uint64_t)(r * p->cols + j));
        }
        grads_t *kept = f->grads;
        f->grads = grads_new(params);
        for (int side = 0; side < 2; side++) {
            for (int64_t j = 0; j < p->count; j++) w[j] = start[j] + (side ? -1 : 1) * 1e-3f * (float)rng_normal(key, (uint64_t)j);
            network_sync(f->net);
            moved[side] = loss(f, false);
        }
        grads_free(f->grads);
        f->grads = kept;
        memcpy(w, start, (size_t)p->count * sizeof(float));
        const double measured = (moved[0] - moved[1]) / 2e-3;
        if (fabs(measured - expected) > 0.01 * (fabs(measured) + 0.3)) printf("# %s: gradient %.6f, difference %.6f\n", p->name, expected, measured);
        CHECK(fabs(measured - expected) <= 0.01 * (fabs(measured) + 0.3));
        free(start);
    }
}

TEST(gradients_trie_softmax)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, false);
    check_gradients(f, supervised);
    release(f);
}

TEST(gradients_level_softmax)
{
    fixture_t *f = fixture(SOFTMAX_LEVEL, false);
    check_gradients(f, supervised);
    release(f);
}

TEST(gradients_learned_positions_and_dropout)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, true);
    f->rates = (pass_rates_t){0.3, 0.2, 0.3, 0.4};
    f->node_drop = 0.5;
    check_gradients(f, supervised);
    release(f);
}

/* Two draws of the three codes that follow a history or, of the level softmax, any code. */
static void check_sampled(softmax_t softmax)
{
    fixture_t *f = fixture_of(softmax, false, true, 0);
    f->sampled = 2;
    check_gradients(f, supervised);
    release(f);
}

TEST(gradients_sampled_softmax) { check_sampled(SOFTMAX_TRIE); check_sampled(SOFTMAX_LEVEL); }

/* All items, or a sample of two. */
TEST(gradients_items_among_items)
{
    for (int64_t sampled = 0; sampled <= 2; sampled += 2) {
        fixture_t *f = fixture_of(SOFTMAX_TRIE, false, sampled > 0, 0.7);
        f->sampled = sampled;
        CHECK(f->pack.scored > 0 && f->positions[1].set.kind == ALLOWED_ITEMS && f->positions[1].row == f->positions[0].row);
        check_gradients(f, supervised);
        release(f);
    }
}

/* Where the first code is certain, its state is there for the items' sake. */
TEST(items_have_a_state_of_their_own)
{
    int32_t codes[] = {1, 0, 1, 1, 1, 2}, suffixes[] = {-1, -1, -1}, events[] = {0, 2, 1, 0, 2}, symbols[8];
    int64_t offsets[] = {0, 5};
    const sids_t sids = {.items = 3, .levels = 2, .codes = 3, .code = codes, .suffix = suffixes};
    const interactions_t x = {.users = 1, .events = 5, .items = 3, .user_offsets = offsets, .item_index = events};
    space_t space = space_make(&sids, SOFTMAX_TRIE, BODY_TIMELINE, 20);
    scored_position_t positions[16];
    for (int items = 0; items < 2; items++) {
        sequence_pack_t pack = {.symbols = symbols, .positions = positions, .prefixes = depth_prefixes_new(&space, 8, false), .items = items};
        sequences_t s = {0};
        sequences_add(&s, histories_task(&x, &space, (hold_back_t){0}));
        sequences_expand(&s, 0, &pack);
        CHECK(pack.scored == (items ? 9 : 6) && pack.prefixes.count[0] == (items ? 3 : 0) && pack.prefixes.count[1] == 3);
        for (int64_t i = 0; i < pack.scored; i++)
            if (positions[i].set.kind == ALLOWED_ITEMS) CHECK(positions[i].row == i / 3 && positions[i].token == events[i / 3]);
        depth_prefixes_free(&pack.prefixes);
        sequences_free(&s);
    }
    space_free(&space);
}

/* What is left out at rate 1 takes no part, and gets no gradient. */
TEST(what_is_left_out_gets_no_gradient)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, false);
    f->rates.item_vector = f->node_drop = 1;
    const double before = supervised(f, true);
    CHECK(f->grads->rows[f->model->item_vectors].count == 0 && f->grads->rows[f->model->node_vectors].count == 0);
    params_fill(&f->model->params, f->model->item_vectors, 9);
    params_fill(&f->model->params, f->model->node_vectors, 9);
    CHECK(supervised(f, false) == before);
    f->rates.item = 1; /* then nothing but BOS is read: what the items are does not matter */
    const double empty = supervised(f, false);
    for (int64_t r = 0; r < f->pack.rows; r++)
        if (f->symbols[r] != TIMELINE_BOS) f->symbols[r] = 3;
    CHECK(supervised(f, false) == empty && empty != before);
    release(f);
}

/* Only nodes whose parents were visited are touched, and the root's children have none. */
TEST(touched_rows_are_the_children_visited)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, false);
    supervised(f, true);
    const grads_rows_t *rows = &f->grads->rows[f->model->node_vectors];
    CHECK(rows->count > 0);
    for (int64_t i = 0; i < rows->count; i++) CHECK(f->space.trie.parent[rows->row[i]] > 0);
    release(f);
}

/* --- Beams --------------------------------------------------------------------------------------------------------------- */

/* z = g + W_down(silu(W_gate n) * (W_up n)) of one row, in doubles. */
static void block(const model_t *m, int level, const double *g, double *z)
{
    const gated_t *w = &m->depth[level];
    const int64_t f = m->config.depth_size;
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

static double logit(const fixture_t *f, const double *z, int32_t token, int64_t node)
{
    const float *own = node >= 0 && f->space.trie.parent[node] > 0 ? model_row(f->model, f->model->node_vectors, node) : NULL;
    double x = 0;
    for (int i = 0; i < SMALL_D; i++) x += z[i] * ((double)model_embedding(f->model, token)[i] + (own ? (double)own[i] : 0));
    return x;
}

/* log p(item | history) by the equations, over the transformer's own states. */
static double by_hand(const fixture_t *f, const history_t *h, int32_t item)
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
        block(f->model, l, g, z);
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

TEST(beams_follow_the_equations)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, false);
    const history_t histories[] = {{small_events, 6, -1}, {small_events + 6, 2, -1}, {NULL, 0, -1}};
    decoder_t *d = decoder_new(f->net, &f->space, 1);
    int32_t items[3 * 6];
    float scores[3 * 6];
    decoder_topk(d, 3, histories, 6, 0, 6, items, scores);
    for (int h = 0; h < 3; h++) {
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
    release(f);
}

/* --- The policy's gradient --------------------------------------------------------------------------------------------------- */

enum { GROUP = 3 };

static double policy_loss(fixture_t *f, bool backward)
{
    static const history_t prompt = {small_events, 4, 5};
    static const int32_t drawn[GROUP] = {0, 1, 4};
    static const double advantages[GROUP] = {1.2, -0.7, 0.4};
    (void)backward;
    draw_t draws[GROUP] = {0};
    double old[GROUP * SID_MAX_TOKENS];
    for (int i = 0; i < GROUP * SID_MAX_TOKENS; i++) old[i] = -1;
    for (int d = 0; d < GROUP; d++) {
        draws[d].item = drawn[d];
        draws[d].count = vocab_sid(&f->space.vocab, f->space.sids, drawn[d], draws[d].tokens);
    }
    model_t *start = loud_model(&f->space, false, false);
    network_t *reference = network_new(start, backend_open("f32"), space_positions(&f->space));
    grpo_t *g = grpo_new(f->net, reference, &f->space, &(grpo_options_t){1.3, 100, 0.7, GROUP});
    grpo_stats_t stats = {0};
    grpo_backward(g, 1, &(grpo_group_t){&prompt, draws, advantages, old}, false, 0.5, f->grads, &stats);
    grpo_free(g);
    network_free(reference);
    model_free(start);
    return stats.loss;
}

TEST(policy_gradient)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, false);
    for (int64_t i = 0; i < f->model->params.size; i++) f->model->params.weights[i] *= 1.1f; /* away from the reference */
    check_gradients(f, policy_loss);
    release(f);
}

/* --- Tables that grow --------------------------------------------------------------------------------------------------------- */

TEST(regrown_tables_keep_their_rows)
{
    fixture_t *f = fixture(SOFTMAX_TRIE, false);
    model_t *m = f->model;
    const int64_t nodes = m->config.node_vectors, items = m->config.item_vectors;
    int64_t *from = NEW_ARRAY(int64_t, nodes + 1);
    for (int64_t i = 0; i <= nodes; i++) from[i] = i == 2 ? -1 : i > 2 ? i - 1 : i;
    float third[SMALL_D], last[SMALL_D];
    memcpy(third, model_row(m, m->node_vectors, 2), sizeof third);
    memcpy(last, model_row(m, m->item_vectors, items - 1), sizeof last);
    model_regrow_nodes(m, nodes + 1, from);
    model_regrow_items(m, items + 3);
    CHECK(!memcmp(third, model_row(m, m->node_vectors, 3), sizeof third));
    CHECK(!memcmp(last, model_row(m, m->item_vectors, items - 1), sizeof last));
    for (int i = 0; i < SMALL_D; i++) CHECK(model_row(m, m->node_vectors, 2)[i] == 0 && model_row(m, m->item_vectors, items + 2)[i] == 0);
    CHECK(m->config.node_vectors == nodes + 1 && m->config.item_vectors == items + 3);
    free(from);
    grads_free(f->grads);
    f->grads = NULL;
    release(f);
}

UNIT_MAIN(UNIT(gradients_trie_softmax), UNIT(gradients_level_softmax), UNIT(gradients_learned_positions_and_dropout),
          UNIT(gradients_sampled_softmax), UNIT(gradients_items_among_items), UNIT(items_have_a_state_of_their_own),
          UNIT(what_is_left_out_gets_no_gradient), UNIT(touched_rows_are_the_children_visited), UNIT(beams_follow_the_equations),
          UNIT(policy_gradient), UNIT(regrown_tables_keep_their_rows))
