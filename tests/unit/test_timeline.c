/* The timeline body, that thinks and that does not: its gradients against finite differences, its beams against the equations
 * written out, and what training leaves out. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "gen/decoder.h"
#include "gen/histories.h"
#include "gen/infonce.h"
#include "gen/lesson.h"
#include "gen/objective.h"
#include "gen/pass.h"
#include "gen/scorer.h"
#include "gen/tutor.h"
#include "policy/grpo.h"
#include "nn/vec.h"
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
    tutor_t *tutor;
    lesson_t *lesson;
    const char *only, *without; /* blocks that check_gradients() looks at: whose names begin so, and do not; NULL: all */
} fixture_t;

static const model_config_t shape = {.hidden_size = SMALL_D, .num_hidden_layers = 2, .num_attention_heads = 4, .num_key_value_heads = 2,
                                     .head_dim = 4, .intermediate_size = 12, .max_position_embeddings = 64, .rms_norm_eps = 1e-6,
                                     .rope_theta = 10000, .depth_levels = LEVELS, .depth_size = 10};

/* Draws all that starts small or at zero larger, so that every path shows. */
static model_t *loud_model(const space_t *s, bool learned_positions, bool sparse_embedding, bool thinks)
{
    model_config_t c = shape;
    c.think_levels = thinks ? LEVELS - 1 : 0;
    c.think_size = thinks ? 6 : 0;
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

static fixture_t *fixture_with(softmax_t softmax, bool learned_positions, bool sparse_embedding, double item_weight, bool thinks)
{
    fixture_t *f = NEW(fixture_t);
    f->space = space_make(&small_sids, softmax, BODY_TIMELINE, 20);
    f->model = loud_model(&f->space, learned_positions, sparse_embedding, thinks);
    f->net = network_new(f->model, backend_open("f32"), space_positions(&f->space));
    f->grads = grads_new(&f->model->params);
    f->pass = pass_new(f->net, &f->space, PASS_TRAIN, ROWS, ROWS, ROWS);
    f->item_weight = item_weight;
    f->objective = objective_new(f->net, &f->space, 0, item_weight);
    f->pack = (sequence_pack_t){.symbols = f->symbols, .positions = f->positions, .prefixes = depth_prefixes_new(&f->space, ROWS, thinks),
                                .items = item_weight > 0};
    sequences_add(&f->sequences, histories_task(&small_interactions, &f->space, (hold_back_t){0}));
    for (int64_t i = 0; i < f->sequences.count; i++) {
        f->bounds[i] = f->pack.rows;
        sequences_expand(&f->sequences, i, &f->pack);
    }
    f->bounds[f->sequences.count] = f->pack.rows;
    return f;
}

static fixture_t *fixture_of(softmax_t softmax, bool learned_positions, bool sparse_embedding, double item_weight)
{
    return fixture_with(softmax, learned_positions, sparse_embedding, item_weight, false);
}

static fixture_t *fixture(softmax_t softmax, bool learned_positions) { return fixture_of(softmax, learned_positions, false, 0); }

static void release(fixture_t *f)
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

/* Moves every value of a block by `step` along a random direction from `start`. */
static void move_block(const params_t *params, int block, float step, const float *start)
{
    const param_t *p = &params->blocks[block];
    const uint64_t key = rng_stream(5, p->name);
    for (int64_t j = 0; j < p->count; j++) params_values(params, block)[j] = start[j] + step * (float)rng_normal(key, (uint64_t)j);
}

/* The gradient of a block along that direction. */
static double along(const params_t *params, int block, grads_t *grads)
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

static void take_over(fixture_t *f)
{
    network_sync(f->net);
    if (f->tutor) tutor_sync(f->tutor);
}

static double loss_moved(fixture_t *f, params_t *params, int block, float step, double (*loss)(fixture_t *, bool))
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
static void check_blocks(fixture_t *f, params_t *params, grads_t **grads, double (*loss)(fixture_t *, bool))
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

static void check_gradients(fixture_t *f, double (*loss)(fixture_t *, bool))
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

/* --- Thoughts ------------------------------------------------------------------------------------------------------------- */

static fixture_t *thinking(softmax_t softmax, double item_weight) { return fixture_with(softmax, false, false, item_weight, true); }

TEST(gradients_of_plain_extra_steps)
{
    for (int kind = 0; kind < 3; kind++) {
        fixture_t *f = thinking(kind == 1 ? SOFTMAX_LEVEL : SOFTMAX_TRIE, kind == 2 ? 0.7 : 0);
        if (kind) f->rates = (pass_rates_t){0.3, 0.2, 0.3, 0.4};
        check_gradients(f, supervised);
        release(f);
    }
}

static float small_codebook[2 * 3 * 5];

/* Gives a fixture a tutor whose weights are loud, with the codes' vectors of a quantiser or the model's own. */
static fixture_t *taught_fixture(tutor_options_t o, bool codebook)
{
    fixture_t *f = thinking(SOFTMAX_TRIE, 0);
    for (int i = 0; i < 2 * 3 * 5; i++) small_codebook[i] = (float)rng_normal(11, (uint64_t)i);
    o.temperature = 0.5;
    o.clusters = 2;
    f->tutor = tutor_new(f->net, &f->space, &o, codebook ? (codebook_t){small_codebook, 5} : (codebook_t){0}, 1, 3);
    for (int i = 0; i < f->tutor->params->count; i++)
        if (f->tutor->params->blocks[i].rows) params_fill_normal(f->tutor->params, i, 0.3, rng_stream(4, f->tutor->params->blocks[i].name));
    tutor_cluster(f->tutor, 8);
    f->lesson = lesson_new(f->tutor, f->net, &f->space, ROWS);
    return f;
}

static double taught(fixture_t *f, bool backward)
{
    const tutor_options_t *o = &f->tutor->o;
    lesson_loss_t loss = {0};
    double sum = supervised(f, false);
    lesson_backward(f->lesson, f->pass, &f->pack.prefixes, 0.7, f->tutor->learner.grads[0], &loss);
    if (backward) pass_backward(f->pass, f->grads);
    for (int l = 0; l < SID_MAX_LEVELS; l++) sum += 0.7 * o->align * loss.align[l];
    return sum + 0.7 * o->guide * loss.guide + 0.7 * o->follow * loss.follow;
}

TEST(gradients_of_alignment)
{
    for (int codebook = 0; codebook < 2; codebook++) {
        fixture_t *f = taught_fixture((tutor_options_t){.align = 0.8}, codebook);
        CHECK((f->tutor->project != NULL) == codebook && f->tutor->clusters.width == (codebook ? 5 : SMALL_D));
        check_gradients(f, taught);
        release(f);
    }
}

/* The targets' embeddings are constants of the guide's loss; his guess is one of those who follow. */
TEST(gradients_of_guidance)
{
    fixture_t *f = taught_fixture((tutor_options_t){.guide = 0.9}, false);
    f->without = "model.embed_tokens.weight";
    check_gradients(f, taught);
    release(f);
    f = taught_fixture((tutor_options_t){.guide = 0.9, .follow = 3}, false);
    f->only = "model.think.";
    check_gradients(f, taught);
    release(f);
}

/* Rows against keys of length 1, by the equation; keys with the label of a row's own are left out. */
TEST(infonce_follows_the_equation)
{
    enum { N = 3, KEYS = 4, W = 5 };
    float x[N * W], keys[KEYS * W], dx[N * W], moved[N * W];
    const int32_t own[] = {0, 3, 1}, label[] = {7, 8, 7, 9};
    for (int i = 0; i < N * W; i++) x[i] = (float)rng_normal(1, (uint64_t)i);
    for (int i = 0; i < KEYS * W; i++) keys[i] = (float)rng_normal(2, (uint64_t)i);
    for (int k = 0; k < KEYS; k++) vec_to_length_one(W, keys + k * W);
    infonce_t *s = infonce_new(backend_open("f32"), N, KEYS, W);
    infonce_pass_t p = {.n = N, .count = KEYS, .width = W, .x = x, .keys = keys, .own = own, .label = label, .temperature = 0.4};
    double expected = 0;
    for (int i = 0; i < N; i++) {
        double sum = 0, right = 0;
        for (int k = 0; k < KEYS; k++) {
            const double at = (double)vec_dot(W, x + i * W, keys + k * W) / sqrt((double)vec_dot(W, x + i * W, x + i * W)) / 0.4;
            if (k == own[i]) right = at;
            if (k == own[i] || label[k] != label[own[i]]) sum += exp(at);
        }
        expected += log(sum) - right;
    }
    memset(dx, 0, sizeof dx);
    CHECK_NEAR(infonce_backward(s, &p, 2, dx), expected, 1e-5);
    for (int i = 0; i < N * W; i++) {
        float unused[N * W] = {0};
        double loss[2];
        memcpy(moved, x, sizeof x);
        p.x = moved;
        for (int side = 0; side < 2; side++) {
            moved[i] = x[i] + (side ? -1e-2f : 1e-2f);
            loss[side] = infonce_backward(s, &p, 1, unused);
        }
        CHECK_NEAR((double)dx[i], 2 * (loss[0] - loss[1]) / 2e-2, 2e-3);
    }
    infonce_free(s);
}

/* Codes that lie together are one cluster, and centroids are directions. */
TEST(clusters_are_those_of_the_codes)
{
    const float vectors[] = {3, 0.1f, 0.1f, 2, 3, -0.1f, 0, 2, 1, 1, -1, 1, 1.1f, 1, -1, 0.9f};
    clusters_t c = clusters_new(2, 4, 2, 2);
    clusters_fit(&c, vectors, 2, 1);
    for (int l = 0; l < 2; l++) {
        const int32_t *of = c.of + 4 * l;
        CHECK(of[0] == of[2] && of[1] == of[3] && of[0] != of[1]);
        for (int k = 0; k < 2; k++) CHECK_NEAR((double)vec_dot(2, c.centroids + 4 * l + 2 * k, c.centroids + 4 * l + 2 * k), 1, 1e-6);
        for (int i = 0; i < 4; i++) CHECK(vec_dot(2, vectors + 8 * l + 2 * i, c.centroids + 4 * l + 2 * of[i]) > 0.9f);
    }
    CHECK(clusters_sound(&c));
    c.of[5] = 2;
    CHECK(!clusters_sound(&c));
    clusters_free(&c);
}

/* A model begins as the one that does not think, whatever else it has. */
TEST(thinking_begins_as_not_thinking)
{
    fixture_t *plain = fixture(SOFTMAX_TRIE, false), *f = thinking(SOFTMAX_TRIE, 0);
    model_init(plain->model, 7);
    model_init(f->model, 7);
    take_over(plain);
    take_over(f);
    CHECK(supervised(plain, false) == supervised(f, false));
    release(plain);
    release(f);
}

/* Prefixes of a model that thinks stand behind all shorter ones, those that are certain among them. */
TEST(prefixes_are_chained)
{
    fixture_t *f = thinking(SOFTMAX_TRIE, 0);
    depth_prefixes_t *p = &f->pack.prefixes;
    for (int l = 1; l < LEVELS; l++)
        for (int64_t i = 0; i < p->count[l]; i++) {
            const depth_prefix_t *at = &p->prefixes[l * p->most + i];
            CHECK(at->above >= 0 && at->above < p->count[l - 1]);
            const depth_prefix_t *above = &p->prefixes[(l - 1) * p->most + at->above];
            CHECK(above->row == at->row && above->tokens == at->tokens);
        }
    CHECK(p->count[0] == 7 && p->count[0] >= p->count[1] && p->count[1] >= p->count[2] && p->count[2] > 0);
    release(f);
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
static void block(const model_t *m, const gated_t *w, const double *g, double *z)
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
static void think(const model_t *m, int level, double *g)
{
    double t[SMALL_D];
    block(m, &m->think[level], g, t);
    for (int i = 0; i < SMALL_D; i++) g[i] = t[i] + (double)model_row(m, m->think_vectors, level)[i];
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

static void check_beams(fixture_t *f)
{
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
    const int64_t offsets[] = {0, 6, 12, 18};
    float scored[3 * 6];
    scorer_t *s = scorer_new(f->net, &f->space);
    scorer_run(s, 3, histories, offsets, items, scored);
    for (int i = 0; i < 18; i++) CHECK_NEAR((double)scored[i], (double)scores[i], 1e-5);
    scorer_free(s);
    release(f);
}

TEST(beams_follow_the_equations) { check_beams(fixture(SOFTMAX_TRIE, false)); }
TEST(beams_think_once_a_hypothesis_and_level) { check_beams(thinking(SOFTMAX_TRIE, 0)); }

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
    model_t *start = loud_model(&f->space, false, false, f->model->config.think_levels > 0);
    network_t *reference = network_new(start, backend_open("f32"), space_positions(&f->space));
    grpo_t *g = grpo_new(f->net, reference, &f->space, &(grpo_options_t){1.3, 100, 0.7, GROUP});
    grpo_stats_t stats = {0};
    grpo_backward(g, 1, &(grpo_group_t){&prompt, draws, advantages, old}, false, 0.5, f->grads, &stats);
    grpo_free(g);
    network_free(reference);
    model_free(start);
    return stats.loss;
}

static void check_policy(fixture_t *f)
{
    for (int64_t i = 0; i < f->model->params.size; i++) f->model->params.weights[i] *= 1.1f; /* away from the reference */
    check_gradients(f, policy_loss);
    release(f);
}

TEST(policy_gradient) { check_policy(fixture(SOFTMAX_TRIE, false)); }
TEST(policy_gradient_of_thoughts) { check_policy(thinking(SOFTMAX_TRIE, 0)); }

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
          UNIT(gradients_sampled_softmax), UNIT(gradients_items_among_items), UNIT(gradients_of_plain_extra_steps),
          UNIT(gradients_of_alignment), UNIT(gradients_of_guidance), UNIT(infonce_follows_the_equation),
          UNIT(clusters_are_those_of_the_codes),
          UNIT(thinking_begins_as_not_thinking), UNIT(prefixes_are_chained), UNIT(items_have_a_state_of_their_own),
          UNIT(what_is_left_out_gets_no_gradient), UNIT(touched_rows_are_the_children_visited), UNIT(beams_follow_the_equations),
          UNIT(beams_think_once_a_hypothesis_and_level), UNIT(policy_gradient_of_thoughts),
          UNIT(policy_gradient), UNIT(regrown_tables_keep_their_rows))
