/* Candidates are drawn with the probabilities that the policy gives them, among what the sampler allows. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "gen/head.h"
#include "nn/backend.h"
#include "nn/embedding.h"
#include "policy/rollout.h"
#include "unit.h"

/* Six items on two levels of three codes; 0 and 1 carry suffixes, 3 is alone from its first code. */
static int32_t code[] = {0, 1, 0, 1, 2, 0, 1, 2, 2, 2, 0, 0};
static int32_t suffix[] = {0, 1, -1, -1, -1, -1};
static const sids_t sids = {.items = 6, .levels = 2, .codes = 3, .max_suffix = 2, .code = code, .suffix = suffix};
static int32_t events[] = {0, 2, 4, 1, 5, 3};
static const history_t prompts[] = {{events, 4, 5}, {events + 4, 2, 0}, {events, 1, 2}};
static const model_config_t shape = {.hidden_size = 8, .num_hidden_layers = 2, .num_attention_heads = 2, .num_key_value_heads = 1, .head_dim = 4,
                                     .intermediate_size = 12, .vocab_size = 9, .max_position_embeddings = 64, .rms_norm_eps = 1e-6,
                                     .rope_theta = 10000};

enum { N = 3, GROUP = 4000, FEW = 4 };

typedef struct {
    space_t space;
    model_t *model;
    network_t *net;
} fixture_t;

static fixture_t fixture(void)
{
    fixture_t f = {.space = space_make(&sids, SOFTMAX_TRIE, BODY_FLAT, 8), .model = model_new(shape)};
    model_init(f.model, 7);
    for (int64_t i = 0; i < f.model->params.size; i++) f.model->params.weights[i] *= 12; /* so that some candidates are much likelier */
    f.net = network_new(f.model, backend_open("f32"), 64);
    return f;
}

static void release(fixture_t *f)
{
    network_free(f->net);
    model_free(f->model);
    space_free(&f->space);
}

static draw_t *drawn(const fixture_t *f, sampler_t s, int group, double temperature, uint64_t key, int64_t first)
{
    draw_t *d = NEW_ARRAY(draw_t, N * group);
    space_t space = f->space;
    space.softmax = sampler_softmax(s);
    rollout_t *r = rollout_new(f->net, &space, s, group, temperature);
    rollout_run(r, N, prompts + first, key, first, d);
    rollout_free(r);
    return d;
}

/* Log-probability of a candidate after a prompt by whole passes, one for each of its tokens. */
static double log_prob(const fixture_t *f, softmax_t softmax, const history_t *prompt, const draw_t *d, double temperature)
{
    activations_t *acts = activations_new(f->net, PASS_INFER, 64, 64, 0);
    space_t space = f->space;
    space.softmax = softmax;
    int32_t tokens[64];
    int64_t n = space_history(&space, prompt, tokens), node = 0;
    double sum = 0;
    for (int l = 0; l < d->count; l++) {
        int64_t bounds[] = {0, n};
        float x[16];
        embedding_rows(f->model, n, tokens, activations_input(acts));
        const float *states = transformer_forward(f->net, acts, &(segments_t){n, 1, bounds, NULL}, 0, 0, NULL);
        allowed_t a = head_logits(f->net, &space, space_next(&space, l, node), states + (n - 1) * 8, 1, x);
        double all = 0;
        for (int i = 0; i < a.n; i++) all += exp(x[i] / temperature);
        sum += x[allowed_index(&a, d->tokens[l])] / temperature - log(all);
        tokens[n++] = d->tokens[l];
        if (node >= 0) node = trie_child(&f->space.trie, node, d->tokens[l]);
    }
    activations_free(acts);
    return sum;
}

static void check_tokens(const fixture_t *f, const draw_t *d)
{
    int64_t node = 0;
    for (int l = 0; l < d->count && node >= 0; l++) node = trie_child(&f->space.trie, node, d->tokens[l]);
    CHECK(d->item == (node >= 0 && f->space.trie.children[node] == 0 ? f->space.trie.item[node] : -1));
}

/* Frequencies of whole candidates against their probabilities, within five standard deviations and two draws. */
static void check_sampler(sampler_t s, double temperature)
{
    fixture_t f = fixture();
    draw_t *d = drawn(&f, s, GROUP, temperature, 5, 0);
    for (int p = 0; p < N; p++) {
        double covered = 0;
        for (int i = 0; i < GROUP; i++) {
            const draw_t *one = &d[p * GROUP + i];
            int same = 0;
            bool seen = false;
            for (int j = 0; j < GROUP; j++) {
                const draw_t *other = &d[p * GROUP + j];
                bool equal = other->count == one->count && !memcmp(other->tokens, one->tokens, (size_t)one->count * sizeof *one->tokens);
                same += equal;
                seen = seen || (equal && j < i);
            }
            if (seen) continue;
            double lp = log_prob(&f, sampler_softmax(s), &prompts[p], one, temperature), expected = exp(lp);
            check_tokens(&f, one);
            CHECK_NEAR(one->log_prob, lp, 1e-4);
            CHECK_NEAR(same / (double)GROUP, expected, 5 * sqrt(expected * (1 - expected) / GROUP) + 2.0 / GROUP);
            covered += expected;
        }
        CHECK(covered > 0.98 && covered < 1 + 1e-6);
    }
    free(d);
    release(&f);
}

TEST(constrained_samples_follow_the_policy) { check_sampler(SAMPLER_SAMPLE, 1); }
TEST(a_higher_temperature_flattens) { check_sampler(SAMPLER_SAMPLE, 2.5); }
TEST(free_samples_follow_the_policy) { check_sampler(SAMPLER_FREE, 1.5); }

TEST(constrained_candidates_are_items_and_free_ones_need_not_be)
{
    fixture_t f = fixture();
    draw_t *c = drawn(&f, SAMPLER_SAMPLE, GROUP, 3, 1, 0), *u = drawn(&f, SAMPLER_FREE, GROUP, 3, 1, 0);
    int items = 0;
    for (int i = 0; i < N * GROUP; i++) {
        CHECK(c[i].item >= 0);
        items += u[i].item >= 0;
    }
    CHECK(items > 0 && items < N * GROUP);
    free(c);
    free(u);
    release(&f);
}

TEST(beams_are_distinct_and_best_first)
{
    fixture_t f = fixture();
    draw_t *d = drawn(&f, SAMPLER_BEAM, FEW, 2, 0, 0);
    for (int p = 0; p < N; p++)
        for (int i = 0; i < FEW; i++) {
            const draw_t *one = &d[p * FEW + i];
            check_tokens(&f, one);
            CHECK_NEAR(one->log_prob, log_prob(&f, SOFTMAX_TRIE, &prompts[p], one, 2), 1e-4);
            for (int j = 0; j < i; j++) CHECK(d[p * FEW + j].item != one->item && d[p * FEW + j].log_prob >= one->log_prob);
        }
    free(d);
    release(&f);
}

/* A prompt's candidates depend on its number, not on its neighbours, nor on the number of threads. */
TEST(draws_depend_on_key_and_number_alone)
{
    fixture_t f = fixture();
    draw_t *all = drawn(&f, SAMPLER_SAMPLE, FEW, 1, 9, 0), *other = drawn(&f, SAMPLER_SAMPLE, FEW, 1, 10, 0);
    CHECK(memcmp(all, other, N * FEW * sizeof *all));
    for (int threads = 1; threads <= 3; threads++) {
        parallel_threads(threads);
        draw_t *again = drawn(&f, SAMPLER_SAMPLE, FEW, 1, 9, 0);
        CHECK(!memcmp(all, again, N * FEW * sizeof *all));
        free(again);
    }
    rollout_t *r = rollout_new(f.net, &f.space, SAMPLER_SAMPLE, FEW, 1);
    draw_t last[FEW];
    rollout_run(r, 1, prompts + 2, 9, 2, last);
    for (int i = 0; i < FEW; i++) CHECK(last[i].item == all[2 * FEW + i].item);
    rollout_free(r);
    free(all);
    free(other);
    release(&f);
}

UNIT_MAIN(UNIT(constrained_samples_follow_the_policy), UNIT(a_higher_temperature_flattens), UNIT(free_samples_follow_the_policy),
          UNIT(constrained_candidates_are_items_and_free_ones_need_not_be), UNIT(beams_are_distinct_and_best_first),
          UNIT(draws_depend_on_key_and_number_alone))
