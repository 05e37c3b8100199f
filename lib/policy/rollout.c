#include "policy/rollout.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/simd.h"
#include "gen/decoder.h"
#include "gen/examples.h"
#include "nn/embedding.h"
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
    int64_t node;                 /* in the trie; -1: outside it */
    int32_t rows[SID_MAX_TOKENS]; /* its row in each step so far */
    bool done;
} live_t;

/* One worker's space. */
typedef struct {
    activations_t *acts;
    step_t steps[SID_MAX_TOKENS];
    head_t *head;
    int64_t bounds[BATCH + 1];
    int32_t *tokens;             /* of the packed histories */
    int64_t *segment, *position; /* [BATCH * group] */
    int32_t *ancestor;           /* [BATCH * group, SID_MAX_TOKENS] */
    live_t *live;                /* [BATCH * group] */
    float *logits;
} space_t;

struct rollout {
    const network_t *net;
    const vocab_t *vocab;
    const sids_t *sids;
    const trie_t *trie;
    sampler_t sampler;
    int group;
    float coldness; /* 1 / temperature */
    int64_t max_items;
    decoder_t *decoder; /* of constrained-beam */
    space_t *spaces;
    int workers;
    /* the call at hand */
    int64_t n, first;
    const history_t *prompts;
    uint64_t key;
    draw_t *draws;
};

static void space_make(const rollout_t *r, space_t *s)
{
    const int64_t longest = 1 + r->max_items * (r->vocab->levels + 1), rows = BATCH * r->group;
    s->acts = activations_new(r->net, PASS_INFER, BATCH * longest, longest + SID_MAX_TOKENS, rows);
    for (int l = 0; l < r->vocab->levels; l++) s->steps[l] = step_new(r->net, rows);
    s->head = head_new(r->net, r->vocab, r->trie, sampler_softmax(r->sampler), 1);
    s->tokens = NEW_ARRAY(int32_t, BATCH * longest);
    s->segment = NEW_ARRAY(int64_t, rows);
    s->position = NEW_ARRAY(int64_t, rows);
    s->ancestor = NEW_ARRAY(int32_t, rows * SID_MAX_TOKENS);
    s->live = NEW_ARRAY(live_t, rows);
    s->logits = xfloats((size_t)head_widest(s->head));
}

rollout_t *rollout_new(const network_t *net, const vocab_t *v, const sids_t *sids, const trie_t *trie, sampler_t sampler, int group,
                       double temperature, int64_t max_items)
{
    rollout_t *r = NEW(rollout_t);
    *r = (rollout_t){.net = net, .vocab = v, .sids = sids, .trie = trie, .sampler = sampler, .group = group,
                     .coldness = (float)(1 / temperature), .max_items = max_items};
    if (sampler == SAMPLER_BEAM) {
        r->decoder = decoder_new(net, v, sids, trie, SOFTMAX_TRIE, max_items);
        decoder_temperature(r->decoder, temperature);
        return r;
    }
    r->workers = parallel_workers();
    r->spaces = NEW_ARRAY(space_t, r->workers);
    for (int i = 0; i < r->workers; i++) space_make(r, &r->spaces[i]);
    return r;
}

void rollout_free(rollout_t *r)
{
    if (!r) return;
    for (int i = 0; i < r->workers; i++) {
        space_t *s = &r->spaces[i];
        activations_free(s->acts);
        for (int l = 0; l < r->vocab->levels; l++) step_free(r->net, &s->steps[l]);
        head_free(s->head);
        void *all[] = {s->tokens, s->segment, s->position, s->ancestor, s->live, s->logits};
        for (size_t j = 0; j < sizeof all / sizeof *all; j++) free(all[j]);
    }
    free(r->spaces);
    decoder_free(r->decoder);
    free(r);
}

/* Draws one of n tokens by `u` in [0, 1); *log_prob receives its log-probability. x becomes scratch. */
SIMD_CLONES
static int32_t choose(int32_t n, float coldness, float u, float *x, float *log_prob)
{
#pragma omp simd
    for (int32_t i = 0; i < n; i++) x[i] *= coldness;
    const float top = vec_max(n, x), sum = vec_exp_sum(n, top, x);
    float left = u * sum;
    int32_t pick = 0;
    while (pick + 1 < n && left >= x[pick]) left -= x[pick++];
    while (pick > 0 && x[pick] <= 0) pick--; /* rounding may run past the last token that can be drawn */
    *log_prob = logf(x[pick] / sum);
    return pick;
}

/* Encodes the batch's histories; returns their final states. */
static const float *encode(const rollout_t *r, space_t *s, int64_t n, const history_t *prompts, packed_t *p)
{
    int64_t rows = 0;
    for (int64_t i = 0; i < n; i++) {
        s->bounds[i] = rows;
        rows += history_tokens(r->vocab, r->sids, &prompts[i], s->tokens + rows);
    }
    s->bounds[n] = rows;
    *p = (packed_t){rows, n, s->bounds, NULL};
    embedding_rows(r->net->model, rows, s->tokens, activations_input(s->acts));
    return transformer_forward(r->net, s->acts, p, 0, 0, NULL);
}

/* Adds one token to a candidate: drawn where there is a choice. */
static void draw_token(const rollout_t *r, space_t *s, live_t *live, draw_t *d, int level, const float *state, uint64_t key, int number)
{
    allowed_t a = head_allowed(s->head, level, live->node);
    int32_t pick = 0;
    if (a.n > 1) {
        float log_prob;
        head_logits(s->head, state, level, live->node, s->logits);
        pick = choose(a.n, r->coldness, rng_uniform(key, (uint64_t)(number * SID_MAX_TOKENS + level)), s->logits, &log_prob);
        d->log_prob += log_prob;
    }
    const int32_t token = a.tokens ? a.tokens[pick] : a.first + pick;
    d->tokens[d->count++] = token;
    if (live->node >= 0) live->node = trie_child(r->trie, live->node, token);
}

/* A candidate ends with an item's SID, or where it can no longer become one: no SID is longer than the levels and a suffix. What
 * is certain to follow is added without asking the model. */
static void finish(const rollout_t *r, live_t *live, draw_t *d, int level)
{
    const trie_t *t = r->trie;
    if (r->sampler != SAMPLER_FREE) {
        int64_t leaf = live->node;
        while (t->children[leaf] == 1) leaf = t->first[leaf];
        if (t->children[leaf] == 0)
            for (; t->children[live->node]; d->tokens[d->count++] = t->token[live->node]) live->node = t->first[live->node];
    }
    const bool item = live->node >= 0 && t->children[live->node] == 0;
    live->done = item || (level + 1 >= r->vocab->levels && live->node < 0) || level == r->vocab->levels;
    if (item) d->item = t->item[live->node];
}

/* Rows of the next step: the candidates that go on. */
static void gather(const rollout_t *r, space_t *s, int64_t n, const draw_t *draws, int level)
{
    step_t *step = &s->steps[level];
    const int64_t dim = r->net->model->config.hidden_size;
    step->rows = 0;
    for (int64_t c = 0; c < n * r->group; c++) {
        live_t *live = &s->live[c];
        if (live->done) continue;
        const int64_t row = step->rows++, i = c / r->group;
        embedding_rows(r->net->model, 1, &draws[c].tokens[level], step->x + row * dim);
        s->segment[row] = i;
        s->position[row] = s->bounds[i + 1] - s->bounds[i] + level;
        memcpy(s->ancestor + row * level, live->rows, (size_t)level * sizeof *live->rows);
        live->rows[level] = (int32_t)row;
    }
}

static void draw_batch(void *ctx, int64_t batch, int worker)
{
    const rollout_t *r = ctx;
    space_t *s = &r->spaces[worker];
    const int64_t first = batch * BATCH, n = r->n - first < BATCH ? r->n - first : BATCH, dim = r->net->model->config.hidden_size;
    draw_t *draws = r->draws + first * r->group;
    packed_t p;
    const float *states = encode(r, s, n, r->prompts + first, &p);
    for (int64_t c = 0; c < n * r->group; c++) {
        s->live[c] = (live_t){0};
        draws[c] = (draw_t){.item = -1};
    }
    for (int level = 0; level <= r->vocab->levels; level++) {
        for (int64_t c = 0; c < n * r->group; c++) {
            live_t *live = &s->live[c];
            if (live->done) continue;
            const int64_t i = c / r->group, row = level ? live->rows[level - 1] : s->bounds[i + 1] - 1;
            draw_token(r, s, live, &draws[c], level, states + row * dim, rng_key(r->key, (uint64_t)(r->first + first + i)), (int)(c % r->group));
            finish(r, live, &draws[c], level);
        }
        if (level == r->vocab->levels) break;
        gather(r, s, n, draws, level);
        if (!s->steps[level].rows) break;
        transformer_extend(r->net, s->acts, &p, &s->steps[level], s->segment, s->position, level, s->steps, s->ancestor);
        states = s->steps[level].x;
    }
}

static void draw_beams(rollout_t *r)
{
    const int64_t count = r->n * r->group;
    int32_t *items = NEW_ARRAY(int32_t, count);
    float *scores = NEW_ARRAY(float, count);
    decoder_topk(r->decoder, r->n, r->prompts, r->group, r->group, items, scores);
    for (int64_t c = 0; c < count; c++) {
        draw_t *d = &r->draws[c];
        *d = (draw_t){.item = items[c], .log_prob = scores[c]};
        d->count = vocab_sid(r->vocab, r->sids, items[c], d->tokens);
    }
    free(items);
    free(scores);
}

void rollout_run(rollout_t *r, int64_t n, const history_t *prompts, uint64_t key, int64_t first, draw_t *draws)
{
    r->n = n;
    r->first = first;
    r->prompts = prompts;
    r->key = key;
    r->draws = draws;
    if (r->sampler == SAMPLER_BEAM) draw_beams(r);
    else parallel_for((n + BATCH - 1) / BATCH, draw_batch, r);
}
