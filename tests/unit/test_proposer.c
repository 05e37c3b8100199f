/* Where candidates come from: a blend's best, the policy's and a blend's by halves, and networks that draw in the policy's place. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "gen/decoder.h"
#include "gen/scorer.h"
#include "nn/backend.h"
#include "policy/proposer.h"
#include "small_model.h"
#include "unit.h"

enum { N = 3, GROUP = 4, ITEMS = 6 };

static const history_t prompts[N] = {{small_events, 3, 1}, {small_events + 6, 2, 0}, {small_events + 1, 1, 4}};

/* Popularity alone: items 0, 1, 2, 3, 5 twice, 4 once; equals by number. */
static blend_t popular(protocol_t protocol)
{
    blend_t b = {.parts = 1, .part = {PART_POPULAR}, .bins = 1, .groups = 1, .mixing = mixing_alone(1, 1, 1, 0)};
    b.sources = (sources_t){.items = ITEMS, .hops = 1, .protocol = protocol, .decay = {1, 1}, .popularity = NEW_ARRAY(int64_t, ITEMS)};
    for (int i = 0; i < ITEMS; i++) b.sources.popularity[i] = i == 4 ? 1 : 2;
    sources_prepare(&b.sources);
    return b;
}

typedef struct {
    space_t space;
    model_t *model[2];
    network_t *net[2]; /* the policy's, and another */
} fixture_t;

static fixture_t fixture(void)
{
    fixture_t f = {.space = space_make(&small_sids, SOFTMAX_TRIE, BODY_FLAT, 8)};
    for (int i = 0; i < 2; i++) {
        f.model[i] = small_model(f.space.vocab.size);
        if (i) model_init(f.model[i], 8);
        f.net[i] = network_new(f.model[i], backend_open("f32"), 64);
    }
    return f;
}

static void release(fixture_t *f)
{
    for (int i = 0; i < 2; i++) {
        network_free(f->net[i]);
        model_free(f->model[i]);
    }
    space_free(&f->space);
}

static void propose(const fixture_t *f, proposer_options_t o, const int32_t *by, draw_t *draws)
{
    o.group = GROUP;
    o.sampler = SAMPLER_BEAM;
    proposer_t *p = proposer_new((drawer_t){f->net[0], &f->space}, &o);
    proposer_draw(p, N, prompts, NULL, by, 1, 0, draws);
    proposer_free(p);
}

/* Checks that all candidates are items, distinct in their group, with their tokens and the policy's log-probability. */
static void check_scored(const fixture_t *f, double temperature, const draw_t *draws)
{
    scorer_t *s = scorer_new(f->net[0], &f->space, temperature);
    for (int i = 0; i < N * GROUP; i++) {
        const int64_t offsets[] = {0, 1};
        int32_t tokens[SID_MAX_TOKENS];
        float log_prob;
        scorer_run(s, 1, &prompts[i / GROUP], offsets, &draws[i].item, &log_prob);
        CHECK_NEAR((double)draws[i].log_prob, (double)log_prob, 1e-5);
        CHECK(draws[i].count == vocab_sid(&f->space.vocab, &small_sids, draws[i].item, tokens));
        CHECK(!memcmp(draws[i].tokens, tokens, (size_t)draws[i].count * sizeof *tokens));
        for (int j = i / GROUP * GROUP; j < i; j++) CHECK(draws[i].item != draws[j].item);
    }
    scorer_free(s);
}

static void check_items(const draw_t *draws, const int32_t *items)
{
    for (int i = 0; i < N * GROUP; i++) CHECK(draws[i].item == items[i]);
}

TEST(a_blend_s_best_scored_by_the_policy)
{
    fixture_t f = fixture();
    draw_t draws[N * GROUP];
    blend_t all = popular(PROTOCOL_ALL), unmet = popular(PROTOCOL_UNSEEN);
    propose(&f, (proposer_options_t){.kind = CANDIDATES_BLEND, .temperature = 1.3, .blend = &all}, NULL, draws);
    check_items(draws, (int32_t[]){0, 1, 2, 3, 0, 1, 2, 3, 0, 1, 2, 3});
    check_scored(&f, 1.3, draws);
    propose(&f, (proposer_options_t){.kind = CANDIDATES_BLEND, .temperature = 1, .blend = &unmet}, NULL, draws);
    check_items(draws, (int32_t[]){1, 3, 5, 0, 0, 2, 5, 4, 0, 1, 3, 5}); /* the first prompt leaves three: one that it holds comes last */
    check_scored(&f, 1, draws);
    blend_free(&all);
    blend_free(&unmet);
    release(&f);
}

TEST(the_policy_s_and_a_blend_s_by_halves)
{
    fixture_t f = fixture();
    draw_t draws[2][N * GROUP];
    int32_t beam[N * 2];
    float scores[N * 2];
    blend_t b = popular(PROTOCOL_ALL);
    decoder_t *d = decoder_new(f.net[0], &f.space, 1);
    decoder_topk(d, N, prompts, 2, 0, 2, beam, scores);
    for (int t = 0; t < 2; t++) {
        parallel_threads(t + 1);
        propose(&f, (proposer_options_t){.kind = CANDIDATES_MIX, .temperature = 1, .blend = &b}, NULL, draws[t]);
    }
    parallel_threads(1);
    CHECK(!memcmp(draws[0], draws[1], sizeof draws[0]));
    check_scored(&f, 1, draws[0]);
    for (int i = 0; i < N; i++) {
        for (int j = 0; j < 2; j++) CHECK(draws[0][i * GROUP + j].item == beam[i * 2 + j]);
        CHECK(draws[0][i * GROUP + 2].item < draws[0][i * GROUP + 3].item);
    }
    decoder_free(d);
    blend_free(&b);
    release(&f);
}

TEST(others_draw_and_the_policy_scores)
{
    fixture_t f = fixture();
    const drawer_t blind[] = {{f.net[1], &f.space}, {f.net[0], &f.space}};
    draw_t draws[N * GROUP];
    propose(&f, (proposer_options_t){.kind = CANDIDATES_OWN, .temperature = 1, .blind_count = 2, .blind = blind}, (int32_t[]){0, 1, 0}, draws);
    check_scored(&f, 1, draws);
    for (int i = 0; i < N; i++) {
        int32_t beam[GROUP];
        float scores[GROUP];
        decoder_t *d = decoder_new(blind[i % 2].net, &f.space, 1);
        decoder_topk(d, 1, &prompts[i], GROUP, 0, GROUP, beam, scores);
        for (int j = 0; j < GROUP; j++) CHECK(draws[i * GROUP + j].item == beam[j]);
        decoder_free(d);
    }
    release(&f);
}

UNIT_MAIN(UNIT(a_blend_s_best_scored_by_the_policy), UNIT(the_policy_s_and_a_blend_s_by_halves), UNIT(others_draw_and_the_policy_scores))
