#include "gen/decoder.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "gen/beam.h"
#include "nn/embedding.h"
#include "nn/vec.h"

enum { BATCH = 32 }; /* histories decoded together */

/* One worker's space, made when it is first needed. */
typedef struct {
    activations_t *acts;
    step_t steps[SID_MAX_TOKENS];
    beam_t beams[BATCH];
    int64_t bounds[BATCH + 1];
    int64_t *segment, *position; /* [BATCH * beam] */
    int32_t *ancestor;           /* [BATCH * beam, SID_MAX_TOKENS] */
    float *logits;               /* [vocabulary] */
    int64_t rows, longest, batch; /* what there is room for: rows of histories, of one history, histories */
    int beam;
} workspace_t;

struct decoder {
    const network_t *net;
    const vocab_t *vocab;
    const sids_t *sids;
    const trie_t *trie;
    softmax_t softmax;
    int64_t max_items;
    float coldness; /* 1 / temperature */
    workspace_t *work;
    int workers;
    /* the call at hand */
    int64_t n;
    const history_t *histories;
    int beam, k;
    bool free_running;
    int64_t rows, longest, batch; /* the most that a batch of it needs */
    int32_t *items;
    float *scores;
    double *invalid; /* [batches] */
};

decoder_t *decoder_new(const network_t *net, const vocab_t *v, const sids_t *sids, const trie_t *trie, softmax_t softmax, int64_t max_items)
{
    decoder_t *d = NEW(decoder_t);
    d->net = net;
    d->vocab = v;
    d->sids = sids;
    d->trie = trie;
    d->softmax = softmax;
    d->max_items = max_items;
    d->coldness = 1;
    return d;
}

void decoder_temperature(decoder_t *d, double temperature) { d->coldness = (float)(1 / temperature); }

static void workspace_free(const decoder_t *d, workspace_t *w)
{
    if (!w->acts) return;
    activations_free(w->acts);
    for (int l = 0; l <= d->vocab->levels; l++) step_free(d->net, &w->steps[l]);
    for (int i = 0; i < BATCH; i++) beam_free(&w->beams[i]);
    free(w->segment);
    free(w->position);
    free(w->ancestor);
    free(w->logits);
    *w = (workspace_t){0};
}

void decoder_free(decoder_t *d)
{
    if (!d) return;
    for (int i = 0; i < d->workers; i++) workspace_free(d, &d->work[i]);
    free(d->work);
    free(d);
}

static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

/* Makes room for the call at hand; a workspace only ever grows. */
static void workspace_ready(const decoder_t *d, workspace_t *w)
{
    if (w->acts && w->rows >= d->rows && w->longest >= d->longest && w->batch >= d->batch && w->beam >= d->beam) return;
    const workspace_t old = *w;
    workspace_free(d, w);
    w->rows = max64(old.rows, d->rows);
    w->longest = max64(old.longest, d->longest);
    w->batch = max64(old.batch, d->batch);
    w->beam = old.beam > d->beam ? old.beam : d->beam;
    const int64_t rows = w->batch * w->beam;
    w->acts = activations_new(d->net, PASS_INFER, w->rows, w->longest, rows);
    for (int l = 0; l <= d->vocab->levels; l++) w->steps[l] = step_new(d->net, rows);
    for (int i = 0; i < BATCH; i++) w->beams[i] = beam_new(w->beam);
    w->segment = NEW_ARRAY(int64_t, rows);
    w->position = NEW_ARRAY(int64_t, rows);
    w->ancestor = NEW_ARRAY(int32_t, rows * SID_MAX_TOKENS);
    w->logits = xfloats((size_t)d->vocab->size);
}

/* Only the last max_items of a history are read. */
static int64_t first_read(const decoder_t *d, const history_t *h) { return h->count > d->max_items ? h->count - d->max_items : 0; }

/* Packs the last max_items of each history behind a BOS and runs the network; returns the final states. */
static const float *encode(const decoder_t *d, workspace_t *w, int64_t first, int64_t n, packed_t *p)
{
    const int64_t dim = d->net->model->config.hidden_size;
    float *x = activations_input(w->acts);
    int64_t rows = 0;
    for (int64_t i = 0; i < n; i++) {
        const history_t *h = &d->histories[first + i];
        w->bounds[i] = rows;
        embedding_rows(d->net->model, 1, &d->vocab->bos, x + rows++ * dim);
        for (int64_t j = first_read(d, h); j < h->count; j++) {
            int32_t sid[SID_MAX_TOKENS];
            int len = vocab_sid(d->vocab, d->sids, h->items[j], sid);
            embedding_rows(d->net->model, len, sid, x + rows * dim);
            rows += len;
        }
    }
    w->bounds[n] = rows;
    *p = (packed_t){rows, n, w->bounds, NULL};
    return transformer_forward(d->net, w->acts, p, 0, 0, NULL);
}

static float token_logit(const decoder_t *d, const float *h, int32_t token)
{
    const int64_t dim = d->net->model->config.hidden_size;
    return d->coldness * vec_dot(dim, h, d->net->model->weights + d->net->model->embed + token * dim);
}

/* Offers every child of a hypothesis to the beam. Under the trie softmax a single child is certain. */
static void expand(const decoder_t *d, workspace_t *w, beam_t *b, int parent, const float *h, int level)
{
    const hypothesis_t *hyp = &b->live[parent];
    const trie_t *t = d->trie;
    const int64_t child = t->first[hyp->node];
    const int32_t n = t->children[hyp->node];
    if (d->softmax == SOFTMAX_TRIE) {
        for (int32_t i = 0; i < n; i++) w->logits[i] = n > 1 ? token_logit(d, h, t->token[child + i]) : 0;
        float norm = vec_log_sum_exp(n, w->logits);
        for (int32_t i = 0; i < n; i++) beam_offer(b, parent, hyp->score + w->logits[i] - norm, child + i);
    } else {
        int32_t first;
        int64_t count = vocab_level(d->vocab, level, &first);
        for (int64_t i = 0; i < count; i++) w->logits[i] = token_logit(d, h, first + (int32_t)i);
        float norm = vec_log_sum_exp(count, w->logits);
        for (int32_t i = 0; i < n; i++) beam_offer(b, parent, hyp->score + w->logits[t->token[child + i] - first] - norm, child + i);
    }
}

/* Unconstrained: every code of the level is offered; a sequence that leaves the trie is node -1. */
static void expand_freely(const decoder_t *d, workspace_t *w, beam_t *b, int parent, const float *h, int level)
{
    const hypothesis_t *hyp = &b->live[parent];
    int32_t first;
    int64_t count = vocab_level(d->vocab, level, &first);
    for (int64_t i = 0; i < count; i++) w->logits[i] = token_logit(d, h, first + (int32_t)i);
    float norm = vec_log_sum_exp(count, w->logits);
    for (int64_t i = 0; i < count; i++)
        beam_offer_token(b, parent, hyp->score + w->logits[i] - norm, hyp->node < 0 ? -1 : trie_child(d->trie, hyp->node, first + (int32_t)i),
                         first + (int32_t)i);
}

/* Where nothing is left to choose, the rest of the SID is certain under the trie softmax: the leaf, else the node itself. */
static int64_t descend(const decoder_t *d, int64_t node)
{
    int64_t leaf = node;
    while (d->trie->children[leaf] == 1) leaf = d->trie->first[leaf];
    return d->trie->children[leaf] == 0 ? leaf : node;
}

static void finish_leaves(const decoder_t *d, beam_t *b, int level)
{
    for (int i = 0; i < b->live_count; i++) {
        hypothesis_t *h = &b->live[i];
        if (d->free_running) {
            bool leaf = h->node >= 0 && d->trie->children[h->node] == 0;
            if (leaf || (level + 1 >= d->vocab->levels && h->node < 0) || level == d->vocab->levels) beam_finish(b, i--, leaf ? d->trie->item[h->node] : -1);
            continue;
        }
        int64_t leaf = d->softmax == SOFTMAX_TRIE ? descend(d, h->node) : h->node;
        if (d->trie->children[leaf] == 0) beam_finish(b, i--, d->trie->item[leaf]);
    }
}

/* Rows of the next step: the live hypotheses of all histories, one after the other. */
static void gather_step(const decoder_t *d, workspace_t *w, int64_t n, int level)
{
    step_t *s = &w->steps[level];
    const int64_t dim = d->net->model->config.hidden_size;
    s->rows = 0;
    for (int64_t i = 0; i < n; i++) {
        beam_t *b = &w->beams[i];
        for (int j = 0; j < b->live_count; j++) {
            hypothesis_t *h = &b->live[j];
            int64_t r = s->rows++;
            embedding_rows(d->net->model, 1, &h->token, s->x + r * dim);
            w->segment[r] = i;
            w->position[r] = w->bounds[i + 1] - w->bounds[i] + level;
            for (int a = 0; a < level; a++) w->ancestor[r * level + a] = h->rows[a];
            h->rows[level] = (int32_t)r;
        }
    }
}

static void expand_all(const decoder_t *d, workspace_t *w, int64_t n, const float *states, int level)
{
    const int64_t dim = d->net->model->config.hidden_size;
    for (int64_t i = 0; i < n; i++) {
        beam_t *b = &w->beams[i];
        beam_begin(b);
        for (int j = 0; j < b->live_count; j++) {
            /* before the first step a history's state is its last row; later every hypothesis has a row of its own */
            const float *h = states + (level ? b->live[j].rows[level - 1] : w->bounds[i + 1] - 1) * dim;
            if (d->free_running) expand_freely(d, w, b, j, h, level);
            else expand(d, w, b, j, h, level);
        }
        beam_select(b, d->trie);
        finish_leaves(d, b, level);
    }
}

static void decode_batch(void *ctx, int64_t batch, int worker)
{
    decoder_t *d = ctx;
    workspace_t *w = &d->work[worker];
    workspace_ready(d, w);
    const int64_t first = batch * BATCH, n = d->n - first < BATCH ? d->n - first : BATCH;
    packed_t p;
    const float *states = encode(d, w, first, n, &p);
    for (int64_t i = 0; i < n; i++) beam_start(&w->beams[i], d->beam);
    for (int level = 0; level <= d->vocab->levels; level++) {
        expand_all(d, w, n, states, level);
        if (level == d->vocab->levels) break;
        gather_step(d, w, n, level);
        if (!w->steps[level].rows) break;
        transformer_extend(d->net, w->acts, &p, &w->steps[level], w->segment, w->position, level, w->steps, w->ancestor);
        states = w->steps[level].x;
    }
    for (int64_t i = 0; i < n; i++) {
        if (d->free_running) d->invalid[batch] += beam_invalid(&w->beams[i]);
        else beam_rank(&w->beams[i], d->k, d->items + (first + i) * d->k, d->scores + (first + i) * d->k);
    }
    progress_add(n);
}

/* The largest batch, in rows and histories, and the longest history of a call. */
static void measure(decoder_t *d)
{
    d->rows = d->longest = 0;
    d->batch = d->n < BATCH ? d->n : BATCH;
    for (int64_t first = 0; first < d->n; first += BATCH) {
        int64_t rows = 0;
        for (int64_t i = first; i < d->n && i < first + BATCH; i++) {
            const history_t *h = &d->histories[i];
            int64_t length = 1;
            for (int64_t j = first_read(d, h); j < h->count; j++) length += d->sids->levels + (d->sids->suffix[h->items[j]] >= 0);
            d->longest = max64(d->longest, length);
            rows += length;
        }
        d->rows = max64(d->rows, rows);
    }
}

static void run(decoder_t *d, int64_t n, const history_t *histories, int beam)
{
    if (d->workers != parallel_workers()) {
        for (int i = 0; i < d->workers; i++) workspace_free(d, &d->work[i]);
        free(d->work);
        d->workers = parallel_workers();
        d->work = NEW_ARRAY(workspace_t, d->workers);
    }
    d->n = n;
    d->histories = histories;
    d->beam = beam;
    measure(d);
    parallel_for((n + BATCH - 1) / BATCH, decode_batch, d);
}

void decoder_topk(decoder_t *d, int64_t n, const history_t *histories, int beam, int k, int32_t *items, float *scores)
{
    if (k < 1 || k > beam) die(EX_USAGE, "%d items cannot be read off a beam of %d", k, beam);
    d->k = k;
    d->items = items;
    d->scores = scores;
    d->free_running = false;
    run(d, n, histories, beam);
}

double decoder_invalid_rate(decoder_t *d, int64_t n, const history_t *histories, int beam)
{
    if (n < 1) return 0;
    int64_t batches = (n + BATCH - 1) / BATCH;
    d->invalid = NEW_ARRAY(double, batches);
    d->free_running = true;
    run(d, n, histories, beam);
    double sum = 0;
    for (int64_t i = 0; i < batches; i++) sum += d->invalid[i];
    free(d->invalid);
    return sum / (double)n;
}
