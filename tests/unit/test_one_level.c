/* SIDs of one level without suffixes, where a code is an item: no row ever follows a history. */
#include <stdlib.h>

#include "base/mem.h"
#include "gen/decoder.h"
#include "gen/head.h"
#include "nn/embedding.h"
#include "policy/grpo.h"
#include "policy/rollout.h"
#include "small_model.h"
#include "unit.h"

enum { ITEMS = 40, GROUP = 6 };

typedef struct {
    int32_t code[ITEMS], suffix[ITEMS];
    sids_t sids;
    space_t space;
    model_t *model;
    network_t *net;
} fixture_t;

static const history_t histories[] = {{small_events, 6, 3}, {small_events + 6, 2, 5}, {small_events, 0, 1}};
enum { HISTORIES = 3 };

static fixture_t *fixture(softmax_t softmax)
{
    fixture_t *f = NEW(fixture_t);
    for (int i = 0; i < ITEMS; i++) {
        f->code[i] = ITEMS - 1 - i;
        f->suffix[i] = -1;
    }
    f->sids = (sids_t){.items = ITEMS, .levels = 1, .codes = ITEMS, .max_suffix = 0, .code = f->code, .suffix = f->suffix};
    f->space = space_make(&f->sids, softmax, BODY_FLAT, 4);
    f->model = small_model(f->space.vocab.size);
    f->net = network_new(f->model, backend_open("f32"), 64);
    return f;
}

static void release(fixture_t *f)
{
    network_free(f->net);
    model_free(f->model);
    space_free(&f->space);
    free(f);
}

/* log p of every item after a history. */
static void plain_scores(const fixture_t *f, const history_t *h, double *score)
{
    int32_t tokens[8];
    const int64_t n = space_history(&f->space, h, tokens), bounds[] = {0, n};
    activations_t *acts = activations_new(f->net, PASS_INFER, 8, 8, 0);
    embedding_rows(f->model, n, tokens, activations_input(acts));
    const float *state = transformer_forward(f->net, acts, &(segments_t){n, 1, bounds, NULL}, 0, 0, NULL) + (n - 1) * SMALL_D;
    double all = 0;
    for (int i = 0; i < ITEMS; i++) {
        score[i] = 0;
        for (int k = 0; k < SMALL_D; k++) score[i] += (double)state[k] * (double)model_embedding(f->model, 1 + f->code[i])[k];
        all += exp(score[i]);
    }
    for (int i = 0; i < ITEMS; i++) score[i] -= log(all);
    activations_free(acts);
}

static void check_ranking(softmax_t softmax)
{
    fixture_t *f = fixture(softmax);
    decoder_t *d = decoder_new(f->net, &f->space, 1);
    int32_t items[HISTORIES * ITEMS];
    float scores[HISTORIES * ITEMS];
    double expected[ITEMS];
    decoder_topk(d, HISTORIES, histories, ITEMS, 0, ITEMS, items, scores);
    for (int h = 0; h < HISTORIES; h++) {
        plain_scores(f, &histories[h], expected);
        for (int i = 0; i < ITEMS; i++) {
            CHECK_NEAR(scores[h * ITEMS + i], expected[items[h * ITEMS + i]], 1e-5);
            CHECK(!i || scores[h * ITEMS + i] <= scores[h * ITEMS + i - 1]);
        }
    }
    CHECK(decoder_invalid_rate(d, HISTORIES, histories, 5) == 0); /* every code is an item */
    decoder_free(d);
    release(f);
}

TEST(the_ranking_is_the_softmax) { check_ranking(SOFTMAX_TRIE); check_ranking(SOFTMAX_LEVEL); }

static void check_draws(sampler_t sampler)
{
    fixture_t *f = fixture(sampler_softmax(sampler));
    rollout_t *r = rollout_new(f->net, &f->space, sampler, GROUP, 1);
    draw_t draws[HISTORIES * GROUP];
    double expected[ITEMS];
    rollout_run(r, HISTORIES, histories, 7, 0, draws);
    for (int i = 0; i < HISTORIES * GROUP; i++) {
        plain_scores(f, &histories[i / GROUP], expected);
        CHECK(draws[i].count == 1 && draws[i].item >= 0 && draws[i].tokens[0] == 1 + f->code[draws[i].item]);
        CHECK_NEAR(draws[i].log_prob, expected[draws[i].item], 1e-5);
    }
    rollout_free(r);
    release(f);
}

TEST(candidates_are_single_codes)
{
    check_draws(SAMPLER_SAMPLE);
    check_draws(SAMPLER_BEAM);
    check_draws(SAMPLER_FREE);
}

/* A step along the policy's gradient makes the rewarded candidate likelier. */
TEST(a_rewarded_code_becomes_likelier)
{
    fixture_t *f = fixture(SOFTMAX_TRIE);
    model_t *frozen = model_copy(f->model);
    network_t *reference = network_new(frozen, f->net->backend, 64);
    grpo_t *g = grpo_new(f->net, reference, &f->space, &(grpo_options_t){.temperature = 1, .epsilon = 0.2, .beta = 0.001, .group = 2});
    grads_t *grads = grads_new(&f->model->params);
    draw_t draws[2] = {{.count = 1, .tokens = {1 + f->code[9]}, .item = 9}, {.count = 1, .tokens = {1 + f->code[4]}, .item = 4}};
    double before[ITEMS], after[ITEMS], old[2 * SID_MAX_TOKENS];
    plain_scores(f, &histories[0], before);
    grpo_stats_t stats = {0};
    grpo_backward(g, 1, &(grpo_group_t){&histories[0], draws, NULL, (const double[]){1, -1}, old, 1}, true, 1, grads, &stats);
    CHECK(stats.tokens == 2);
    for (int64_t i = 0; i < f->model->params.size; i++) f->model->params.weights[i] -= 0.01f * grads->dense[i];
    network_sync(f->net);
    plain_scores(f, &histories[0], after);
    CHECK(after[9] > before[9] && after[4] < before[4]);
    grads_free(grads);
    grpo_free(g);
    network_free(reference);
    model_free(frozen);
    release(f);
}

UNIT_MAIN(UNIT(the_ranking_is_the_softmax), UNIT(candidates_are_single_codes), UNIT(a_rewarded_code_becomes_likelier))
