/* Models that think, of either body: their gradients against finite differences, what their thoughts are taught, and their beams against
 * the equations written out. */
#include "nn/infonce.h"
#include "nn/vec.h"
#include "small_body.h"

static fixture_t *thinking(body_t body, softmax_t softmax)
{
    return fixture_of((made_of_t){.softmax = softmax, .body = body, .thinks = true});
}

TEST(gradients_of_plain_extra_steps)
{
    for (int kind = 0; kind < 6; kind++) {
        fixture_t *f = fixture_of((made_of_t){.softmax = kind % 3 == 1 ? SOFTMAX_LEVEL : SOFTMAX_TRIE,
                                              .body = kind < 3 ? BODY_TIMELINE : BODY_FLAT, .thinks = true,
                                              .item_weight = kind == 2 ? 0.7 : 0, .thought_of = kind == 5 ? 2 : 0});
        if (kind % 3) f->rates = (pass_rates_t){0.3, 0.2, 0.3, 0.4};
        check_gradients(f, supervised);
        release(f);
    }
}

static float small_codebook[2 * 3 * 5];

/* Gives a fixture a tutor whose weights are loud, with the codes' vectors of a quantiser or the model's own. */
static fixture_t *taught_fixture(body_t body, tutor_options_t o, bool codebook)
{
    fixture_t *f = thinking(body, SOFTMAX_TRIE);
    for (int i = 0; i < 2 * 3 * 5; i++) small_codebook[i] = (float)rng_normal(11, (uint64_t)i);
    o.temperature = 0.5;
    o.clusters = 2;
    o.ffn = 6;
    f->tutor = tutor_new(f->net, &f->space, &o, codebook ? (codebook_t){small_codebook, 5} : (codebook_t){0}, 1, false, 3);
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
    for (int kind = 0; kind < 4; kind++) {
        const bool codebook = kind % 2;
        fixture_t *f = taught_fixture(kind < 2 ? BODY_TIMELINE : BODY_FLAT, (tutor_options_t){.align = 0.8}, codebook);
        CHECK((f->tutor->project != NULL) == codebook && f->tutor->clusters.width == (codebook ? 5 : SMALL_D));
        check_gradients(f, taught);
        release(f);
    }
}

/* The targets' embeddings are constants of the guide's loss; his guess is one of those who follow. */
TEST(gradients_of_guidance)
{
    for (body_t body = BODY_FLAT; body <= BODY_TIMELINE; body++) {
        fixture_t *f = taught_fixture(body, (tutor_options_t){.guide = 0.9}, false);
        f->without = "model.embed_tokens.weight";
        check_gradients(f, taught);
        release(f);
        f = taught_fixture(body, (tutor_options_t){.guide = 0.9, .follow = 3}, false);
        f->only = "model.think.";
        check_gradients(f, taught);
        release(f);
    }
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

/* A timeline begins as the one that does not think, whatever else it has. */
TEST(timelines_begin_as_not_thinking)
{
    fixture_t *plain = fixture_of((made_of_t){.body = BODY_TIMELINE}), *f = thinking(BODY_TIMELINE, SOFTMAX_TRIE);
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
    fixture_t *f = thinking(BODY_TIMELINE, SOFTMAX_TRIE);
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

/* Of a history's targets as many are thought of as asked, others in other epochs; each token is scored once either way. */
TEST(targets_are_drawn)
{
    int64_t seen[2][3] = {0};
    for (int64_t of = 1; of <= 2; of++)
        for (uint64_t key = 0; key < 60; key++) {
            fixture_t *f = fixture_of((made_of_t){.body = BODY_FLAT, .thinks = true, .thought_of = of});
            sequence_pack_t *p = &f->pack;
            const int64_t scored = p->scored;
            p->rows = p->scored = 0;
            p->key = key;
            depth_prefixes_clear(&p->prefixes);
            for (int64_t i = 0; i < f->sequences.count; i++) sequences_expand(&f->sequences, i, p);
            CHECK(p->scored == scored && p->prefixes.count[0] == of * f->sequences.count);
            for (int64_t i = 0; i < 3 * of && p->prefixes.prefixes[0].row == 0; i++) seen[of - 1][0]++;
            seen[of - 1][1] += p->prefixes.prefixes[0].row > 0;
            for (int64_t i = 0; i < p->scored; i++)
                CHECK(f->positions[i].row < ROWS || f->positions[i].row - p->first_prefix < LEVELS * ROWS);
            release(f);
        }
    for (int of = 0; of < 2; of++) CHECK(seen[of][0] > 0 && seen[of][1] > 0);
}

/* The last state of a segment of vectors. */
static const float *last_state(const fixture_t *f, activations_t *acts, int64_t rows, const float *x)
{
    const int64_t bounds[] = {0, rows};
    memcpy(activations_input(acts), x, (size_t)(rows * SMALL_D) * sizeof *x);
    return transformer_forward(f->net, acts, &(segments_t){rows, 1, bounds, NULL}, 0, 0, NULL) + (rows - 1) * SMALL_D;
}

/* log p(item | history) of a flat body, every state from a pass of its own over all that stands before it. */
static double flat_by_hand(const fixture_t *f, const history_t *h, int32_t item)
{
    activations_t *acts = activations_new(f->net, PASS_INFER, ROWS, ROWS, 0);
    const model_t *m = f->model;
    int32_t symbols[ROWS];
    float x[ROWS * SMALL_D];
    int64_t rows = space_history(&f->space, h, symbols), node = 0;
    double z[SMALL_D], score = 0;
    for (int64_t r = 0; r < rows; r++) memcpy(x + r * SMALL_D, model_embedding(m, symbols[r]), SMALL_D * sizeof *x);
    for (int l = 0; l < space_sid_length(&f->space, item); l++) {
        const int32_t token = space_sid(&f->space, item)[l];
        const float *state = last_state(f, acts, rows, x);
        if (l < m->config.think_levels) {
            for (int i = 0; i < SMALL_D; i++) x[rows * SMALL_D + i] = state[i] + model_row(m, m->think_vectors, l)[i];
            state = last_state(f, acts, ++rows, x);
        }
        for (int i = 0; i < SMALL_D; i++) z[i] = (double)state[i];
        double sum = 0;
        for (int32_t c = 0; c < f->space.trie.children[node]; c++) {
            const int64_t child = f->space.trie.first[node] + c;
            sum += exp(logit(f, z, f->space.trie.token[child], child));
        }
        node = trie_child(&f->space.trie, node, token);
        score += logit(f, z, token, node) - log(sum);
        memcpy(x + rows++ * SMALL_D, model_embedding(m, token), SMALL_D * sizeof *x);
    }
    activations_free(acts);
    return score;
}

TEST(beams_of_a_timeline_think) { check_beams(thinking(BODY_TIMELINE, SOFTMAX_TRIE), timeline_by_hand); }
TEST(beams_of_a_flat_body_think) { check_beams(thinking(BODY_FLAT, SOFTMAX_TRIE), flat_by_hand); }

/* What training scores is what beams do: a history's loss is that of its items, each after those before it. */
TEST(training_scores_what_beams_do)
{
    fixture_t *f = thinking(BODY_FLAT, SOFTMAX_TRIE);
    double expected = 0;
    for (int64_t u = 0; u < 2; u++)
        for (int64_t i = small_offsets[u]; i < small_offsets[u + 1] - 2; i++) {
            const history_t h = {small_events + small_offsets[u], i - small_offsets[u], -1};
            expected -= flat_by_hand(f, &h, small_events[i]);
        }
    CHECK_NEAR(supervised(f, false), expected, 1e-4 * expected);
    release(f);
}

TEST(policy_gradients) { for (body_t b = BODY_FLAT; b <= BODY_TIMELINE; b++) check_policy(thinking(b, SOFTMAX_TRIE)); }

UNIT_MAIN(UNIT(gradients_of_plain_extra_steps), UNIT(gradients_of_alignment), UNIT(gradients_of_guidance),
          UNIT(infonce_follows_the_equation), UNIT(clusters_are_those_of_the_codes), UNIT(timelines_begin_as_not_thinking),
          UNIT(prefixes_are_chained), UNIT(targets_are_drawn), UNIT(beams_of_a_timeline_think), UNIT(beams_of_a_flat_body_think),
          UNIT(training_scores_what_beams_do), UNIT(policy_gradients))
