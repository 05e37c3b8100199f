#include "policy/rollout.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/ranks.h"
#include "base/rng.h"
#include "base/simd.h"
#include "gen/decoder.h"
#include "gen/head.h"
#include "gen/stepper.h"
#include "nn/vec.h"

enum { BATCH = 8 }; /* prompts drawn together */

const char *const sampler_names[] = {"constrained-sample", "constrained-beam", "free", NULL};

sampler_t sampler_kind(const char *name)
{
    for (int i = 0; sampler_names[i]; i++)
        if (!strcmp(sampler_names[i], name)) return (sampler_t)i;
    die(EX_SOFTWARE, "no sampler is called '%s'", name);
}

softmax_t sampler_softmax(sampler_t s) { return s == SAMPLER_FREE ? SOFTMAX_LEVEL : SOFTMAX_TRIE; }

/* A candidate being drawn. */
typedef struct {
    int64_t node; /* in the trie; -1: outside it */
    int32_t row;  /* whose state its next token is drawn by */
    bool done;
} live_t;

/* One worker's space. */
typedef struct {
    stepper_t *stepper;
    live_t *live; /* [BATCH * group] */
    float *logits;
} workspace_t;

struct rollout {
    const network_t *net;
    const space_t *space;
    sampler_t sampler;
    int group;
    float inverse_temperature;
    decoder_t *decoder; /* of constrained-beam */
    workspace_t *work;
    int workers;
    /* the call at hand */
    int64_t n, first;
    const history_t *prompts;
    uint64_t key;
    stepper_room_t room;
    draw_t *draws;
};

static void drop_work(rollout_t *r)
{
    for (int i = 0; i < r->workers; i++) {
        stepper_free(r->work[i].stepper);
        free(r->work[i].live);
        free(r->work[i].logits);
    }
    free(r->work);
}

static void make_work(rollout_t *r)
{
    drop_work(r);
    r->workers = parallel_workers();
    r->work = NEW_ARRAY(workspace_t, r->workers);
    for (int i = 0; i < r->workers; i++) {
        workspace_t *w = &r->work[i];
        w->stepper = stepper_new(r->net, r->space);
        w->live = NEW_ARRAY(live_t, BATCH * r->group);
        w->logits = xfloats((size_t)r->space->widest);
    }
}

rollout_t *rollout_new(const network_t *net, const space_t *space, sampler_t sampler, int group, double temperature)
{
    rollout_t *r = NEW(rollout_t);
    *r = (rollout_t){.net = net, .space = space, .sampler = sampler, .group = group,
                      .inverse_temperature = (float)(1 / temperature)};
    if (sampler == SAMPLER_BEAM) r->decoder = decoder_new(net, r->space, temperature);
    return r;
}

void rollout_free(rollout_t *r)
{
    if (!r) return;
    drop_work(r);
    decoder_free(r->decoder);
    free(r);
}

/* Draws one of n tokens by `u` in [0, 1); *log_prob receives its log-probability. x becomes scratch. */
SIMD_CLONES
static int32_t choose(int32_t n, float u, float *x, float *log_prob)
{
    const float top = vec_max(n, x), sum = vec_exp_sum(n, top, x);
    float left = u * sum;
    int32_t pick = 0;
    while (pick + 1 < n && left >= x[pick]) left -= x[pick++];
    while (pick > 0 && x[pick] <= 0) pick--; /* rounding may run past the last token that can be drawn */
    *log_prob = logf(x[pick] / sum);
    return pick;
}

/* Adds one token to a candidate: drawn where there is a choice. */
static void draw_token(const rollout_t *r, workspace_t *w, live_t *live, draw_t *d, int level, uint64_t key, int number)
{
    const allowed_set_t set = space_next(r->space, level, live->node);
    const allowed_t a = space_allowed(r->space, set);
    int32_t pick = 0;
    if (a.n > 1) {
        float log_prob;
        head_logits(r->net, r->space, set, stepper_state(w->stepper, live->row), r->inverse_temperature, w->logits);
        pick = choose(a.n, rng_uniform(key, (uint64_t)(number * SID_MAX_TOKENS + level)), w->logits, &log_prob);
        d->log_prob += log_prob;
    }
    const int32_t token = allowed_token(&a, pick);
    d->tokens[d->count++] = token;
    if (live->node >= 0) live->node = trie_child(&r->space->trie, live->node, token);
}

/* Adds what is certain to follow without asking the model. */
static void add_certain(const space_t *s, live_t *live, draw_t *d)
{
    const trie_t *t = &s->trie;
    if (t->children[space_certain(s, live->node)]) return;
    for (; t->children[live->node]; d->tokens[d->count++] = t->token[live->node]) live->node = t->first[live->node];
}

/* Ends a candidate at an item's SID, or where it can no longer become one: no SID is longer than the levels and a suffix. */
static void finish(const rollout_t *r, live_t *live, draw_t *d, int level)
{
    const int levels = r->space->vocab.levels;
    if (r->sampler != SAMPLER_FREE) add_certain(r->space, live, d);
    const bool item = live->node >= 0 && r->space->trie.children[live->node] == 0;
    live->done = item || (level + 1 >= levels && live->node < 0) || level == levels;
    if (item) d->item = r->space->trie.item[live->node];
}

/* Draws one token more for every candidate of the batch that is not done. */
static void draw_level(const rollout_t *r, workspace_t *w, int64_t first, int64_t n, draw_t *draws, int level)
{
    for (int64_t c = 0; c < n * r->group; c++) {
        live_t *live = &w->live[c];
        if (live->done) continue;
        draw_token(r, w, live, &draws[c], level, rng_key(r->key, (uint64_t)(r->first + first + c / r->group)),
                   (int)(c % r->group));
        finish(r, live, &draws[c], level);
    }
}

static void push_all(const rollout_t *r, workspace_t *w, int64_t n, const draw_t *draws, int level)
{
    for (int64_t c = 0; c < n * r->group; c++)
        if (!w->live[c].done) w->live[c].row = stepper_push_token(w->stepper, w->live[c].row, draws[c].tokens[level]);
}

static void draw_batch(void *ctx, int64_t batch, int worker)
{
    const rollout_t *r = ctx;
    workspace_t *w = &r->work[worker];
    const int64_t first = batch * BATCH, n = r->n - first < BATCH ? r->n - first : BATCH;
    draw_t *draws = r->draws + first * r->group;
    stepper_reserve(w->stepper, r->room);
    stepper_begin(w->stepper, n, r->prompts + first);
    for (int64_t c = 0; c < n * r->group; c++) {
        w->live[c] = (live_t){.row = (int32_t)(c / r->group)};
        draws[c] = (draw_t){.item = -1};
    }
    for (int level = 0; level <= r->space->vocab.levels; level++) {
        draw_level(r, w, first, n, draws, level);
        if (level == r->space->vocab.levels) break;
        push_all(r, w, n, draws, level);
        if (!stepper_advance(w->stepper)) break;
    }
}

/* Draws the beams of prompts [ours.first, ours.end). */
static void draw_beams(rollout_t *r, ranks_block_t ours)
{
    const int64_t n = ours.end - ours.first, count = n * r->group;
    int32_t *items = NEW_ARRAY(int32_t, count);
    float *scores = NEW_ARRAY(float, count);
    if (n > 0) decoder_topk(r->decoder, n, r->prompts + ours.first, r->group, 0, r->group, items, scores);
    for (int64_t c = 0; c < count; c++) {
        draw_t *d = &r->draws[ours.first * r->group + c];
        *d = (draw_t){.item = items[c], .log_prob = scores[c]};
        d->count = vocab_sid(&r->space->vocab, r->space->sids, items[c], d->tokens);
    }
    free(items);
    free(scores);
}

static void draw_samples(rollout_t *r)
{
    if (r->workers != parallel_workers()) make_work(r);
    r->room = stepper_measure(r->space, r->n, r->prompts, BATCH, r->group);
    parallel_ranks((r->n + BATCH - 1) / BATCH, draw_batch, r);
}

void rollout_run(rollout_t *r, int64_t n, const history_t *prompts, uint64_t key, int64_t first, draw_t *draws)
{
    r->n = n;
    r->first = first;
    r->prompts = prompts;
    r->key = key;
    r->draws = draws;
    const int64_t batch = r->sampler == SAMPLER_BEAM ? DECODER_BATCH : BATCH;
    if (r->sampler == SAMPLER_BEAM) draw_beams(r, ranks_rows(n, batch));
    else draw_samples(r);
    ranks_share_rows(draws, n, batch, (size_t)r->group * sizeof *draws);
}
