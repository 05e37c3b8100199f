#include "gen/decoder.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "base/ranks.h"
#include "data/met.h"
#include "gen/beam.h"
#include "gen/head.h"
#include "gen/reading.h"
#include "gen/stepper.h"
#include "nn/vec.h"

enum { BATCH = DECODER_BATCH };

/* One worker's space, made when it is first needed. */
typedef struct {
    stepper_t *stepper;
    beam_t beams[BATCH];
    int beam;      /* width that they have room for */
    bool going;    /* the batch at hand has rows to go on from */
    float *logits; /* [widest] */
} workspace_t;

struct decoder {
    const network_t *net;
    const space_t *space;
    float inverse_temperature;
    workspace_t *work;
    int workers;
    /* the call at hand */
    int64_t n;
    const history_t *histories;
    const item_set_t *const *within; /* [n], or NULL */
    trail_t *const *trails;          /* likewise */
    loan_t *loan;
    int *width;    /* [n] of each history's beam */
    int widest, k;
    bool free_running;
    stepper_room_t room;
    int32_t *items;
    float *scores;
    double *invalid; /* [batches] */
};

decoder_t *decoder_new(const network_t *net, const space_t *space, double temperature)
{
    decoder_t *d = NEW(decoder_t);
    d->net = net;
    d->space = space;
    d->inverse_temperature = (float)(1 / temperature);
    return d;
}

static void workspace_free(workspace_t *w)
{
    stepper_free(w->stepper);
    for (int i = 0; i < BATCH; i++) beam_free(&w->beams[i]);
    free(w->logits);
}

static void drop_work(decoder_t *d)
{
    for (int i = 0; i < d->workers; i++) workspace_free(&d->work[i]);
    free(d->work);
}

void decoder_free(decoder_t *d)
{
    if (!d) return;
    drop_work(d);
    free(d);
}

/* Makes room for the call at hand. */
static void workspace_ready(const decoder_t *d, workspace_t *w)
{
    if (!w->stepper) {
        w->stepper = stepper_new(d->net, d->space);
        w->logits = xfloats((size_t)d->space->widest);
    }
    stepper_reserve(w->stepper, d->room);
    if (w->beam >= d->widest) return;
    w->beam = d->widest;
    for (int i = 0; i < BATCH; i++) {
        beam_free(&w->beams[i]);
        w->beams[i] = beam_new(w->beam);
    }
}

/* Scores what may follow a hypothesis: logits in w->logits, the logarithm of their softmax's denominator in *norm. What alone
 * may follow is certain: the model is not asked. */
static allowed_t next_tokens(const decoder_t *d, workspace_t *w, allowed_set_t set, const float *state, float *norm)
{
    const allowed_t certain = space_allowed(d->space, set);
    if (certain.n == 1 && set.kind == ALLOWED_CHILDREN) {
        w->logits[0] = *norm = 0;
        return certain;
    }
    const allowed_t a = head_logits(d->net, d->space, set, state, d->inverse_temperature, w->logits);
    *norm = vec_log_sum_exp(a.n, w->logits);
    return a;
}

/* Offers every child of a hypothesis that leads to where the history's items may be found. */
static void expand(const decoder_t *d, workspace_t *w, beam_t *b, int parent, int level, const item_set_t *within)
{
    const beam_hypothesis_t *h = &b->live[parent];
    const trie_t *t = &d->space->trie;
    const int64_t child = t->first[h->node];
    float norm;
    const allowed_t a = next_tokens(d, w, space_next(d->space, level, h->node), stepper_state(w->stepper, h->row), &norm);
    for (int32_t i = 0; i < t->children[h->node]; i++)
        if (!within || item_set_leads(within, child + i))
            beam_offer(b, parent, h->score + w->logits[a.tokens ? i : t->token[child + i] - a.first] - norm, child + i);
}

/* Offers every code of the level, unconstrained; a sequence that leaves the trie is node -1. */
static void expand_freely(const decoder_t *d, workspace_t *w, beam_t *b, int parent, int level)
{
    const beam_hypothesis_t *h = &b->live[parent];
    float norm;
    const allowed_t a = next_tokens(d, w, allowed_level(level), stepper_state(w->stepper, h->row), &norm);
    for (int32_t i = 0; i < a.n; i++)
        beam_offer_token(b, parent, h->score + w->logits[i] - norm,
                         h->node < 0 ? -1 : trie_child(&d->space->trie, h->node, a.first + i), a.first + i);
}

/* Moves hypotheses that have reached an item to the finished ones; without constraints, also those that can reach none. */
static void finish_leaves(const decoder_t *d, beam_t *b, int level)
{
    const trie_t *t = &d->space->trie;
    const int levels = d->space->vocab.levels;
    for (int i = 0; i < b->live_count; i++) {
        const int64_t node = b->live[i].node;
        if (d->free_running) {
            const bool leaf = node >= 0 && t->children[node] == 0;
            if (leaf || (level + 1 >= levels && node < 0) || level == levels) beam_finish(b, i--, leaf ? t->item[node] : -1);
            continue;
        }
        const int64_t leaf = d->space->softmax == SOFTMAX_TRIE ? space_certain(d->space, node) : node;
        if (t->children[leaf] == 0) beam_finish(b, i--, t->item[leaf]);
    }
}

/* Takes down where the histories stand after a level. */
static void follow(const decoder_t *d, const workspace_t *w, int64_t first, int64_t n)
{
    for (int64_t i = 0; d->trails && !d->free_running && i < n; i++)
        if (d->trails[first + i]) trail_add(d->trails[first + i], &d->space->trie, &w->beams[i]);
}

static void expand_all(const decoder_t *d, workspace_t *w, int64_t first, int64_t n, int level)
{
    for (int64_t i = 0; i < n; i++) {
        beam_t *b = &w->beams[i];
        const item_set_t *within = d->within ? d->within[first + i] : NULL;
        beam_begin(b);
        for (int j = 0; j < b->live_count; j++) {
            if (d->free_running) expand_freely(d, w, b, j, level);
            else expand(d, w, b, j, level, within);
        }
        beam_select(b, &d->space->trie);
        finish_leaves(d, b, level);
    }
}

/* Pushes the live hypotheses of all histories, one after the other. */
static void push_all(workspace_t *w, int64_t n)
{
    for (int64_t i = 0; i < n; i++)
        for (int j = 0; j < w->beams[i].live_count; j++) {
            beam_hypothesis_t *h = &w->beams[i].live[j];
            h->row = stepper_push_token(w->stepper, h->row, h->token);
        }
}

static int64_t batch_size(const decoder_t *d, int64_t batch) { return min64(d->n - batch * BATCH, BATCH); }

static void begin_batch(const decoder_t *d, workspace_t *w, int64_t batch)
{
    const int64_t first = batch * BATCH, n = batch_size(d, batch);
    workspace_ready(d, w);
    stepper_begin(w->stepper, n, d->histories + first);
    for (int64_t i = 0; i < n; i++) beam_start(&w->beams[i], d->width[first + i], (int32_t)i);
    w->going = true;
}

/* Goes one level down, if there is something to go down from. */
static void go_down(const decoder_t *d, workspace_t *w, int64_t batch, int level)
{
    const int64_t first = batch * BATCH, n = batch_size(d, batch);
    if (!w->going) return;
    expand_all(d, w, first, n, level);
    follow(d, w, first, n);
    w->going = level < d->space->vocab.levels;
    if (!w->going) return;
    push_all(w, n);
    w->going = stepper_advance(w->stepper);
}

static void end_batch(const decoder_t *d, workspace_t *w, int64_t batch)
{
    const int64_t first = batch * BATCH, n = batch_size(d, batch);
    for (int64_t i = 0; i < n; i++) {
        if (d->free_running) d->invalid[batch] += beam_invalid(&w->beams[i]);
        else beam_rank(&w->beams[i], d->k, d->items + (first + i) * d->k, d->scores + (first + i) * d->k);
    }
    progress_add(n);
}

static void decode_batch(void *ctx, int64_t batch, int worker)
{
    const decoder_t *d = ctx;
    workspace_t *w = &d->work[worker];
    begin_batch(d, w, batch);
    for (int level = 0; w->going; level++) go_down(d, w, batch, level);
    end_batch(d, w, batch);
}

/* --- Split tables: batches, one a worker, go down together, and before each level the rows that it reads are fetched. ------------ */

typedef struct {
    const decoder_t *d;
    int64_t first, count; /* batches */
    int level;
} together_t;

static void begin_one(void *ctx, int64_t i, int worker)
{
    (void)worker;
    const together_t *t = ctx;
    begin_batch(t->d, &t->d->work[i], t->first + i);
}

static void go_down_one(void *ctx, int64_t i, int worker)
{
    (void)worker;
    const together_t *t = ctx;
    go_down(t->d, &t->d->work[i], t->first + i, t->level);
}

static void want_histories(const together_t *t)
{
    const decoder_t *d = t->d;
    const int64_t end = min64((t->first + t->count) * BATCH, d->n);
    for (int64_t i = t->first * BATCH; i < end; i++) {
        int32_t *symbols = NEW_ARRAY(int32_t, space_history(d->space, &d->histories[i], NULL));
        reading_want(d->net->model, d->space, space_history(d->space, &d->histories[i], symbols), symbols, d->loan);
        free(symbols);
    }
}

/* Wants the vectors of what may follow the hypotheses of a batch. */
static void want_children(const together_t *t, const workspace_t *w, int64_t batch)
{
    const decoder_t *d = t->d;
    for (int64_t i = 0; w->going && i < batch_size(d, batch); i++)
        for (int j = 0; j < w->beams[i].live_count; j++)
            head_want_set(d->net->model, d->space, space_next(d->space, t->level, w->beams[i].live[j].node), d->loan);
}

static void decode_group(together_t *t)
{
    const decoder_t *d = t->d;
    want_histories(t);
    loan_fetch(d->loan);
    parallel_for(t->count, begin_one, t);
    for (t->level = 0; t->level <= d->space->vocab.levels; t->level++) {
        for (int64_t i = 0; i < t->count; i++) want_children(t, &d->work[i], t->first + i);
        loan_fetch(d->loan);
        parallel_for(t->count, go_down_one, t);
    }
    for (int64_t i = 0; i < t->count; i++) end_batch(d, &d->work[i], t->first + i);
    loan_return(d->loan);
}

/* All ranks take as many rounds as the one that needs most. */
static void decode_together(const decoder_t *d, int64_t batches)
{
    const int64_t rounds = ranks_most((batches + d->workers - 1) / d->workers);
    for (int64_t r = 0; r < rounds; r++) {
        together_t t = {.d = d, .first = r * d->workers};
        t.count = max64(min64(batches - t.first, d->workers), 0);
        decode_group(&t);
    }
}

/* Gives every history a beam of its own width; returns the most that those of a batch add up to. */
static int64_t set_widths(decoder_t *d, int beam, int spare)
{
    met_t met = met_new(spare ? d->space->sids->items : 0);
    int64_t rows = 0, most = 0;
    d->width = NEW_ARRAY(int, d->n);
    d->widest = beam;
    for (int64_t i = 0; i < d->n; i++) {
        const int64_t enough = spare ? min64(met_take(&met, &d->histories[i]) + spare, met.items) : 0;
        d->width[i] = (int)max64(beam, enough);
        d->widest = (int)max64(d->widest, enough);
        rows = (i % BATCH ? rows : 0) + d->width[i];
        most = max64(most, rows);
    }
    met_free(&met);
    return most;
}

static void run(decoder_t *d, int64_t n, const history_t *histories, int beam, int spare)
{
    if (d->workers != parallel_workers()) {
        drop_work(d);
        d->workers = parallel_workers();
        d->work = NEW_ARRAY(workspace_t, d->workers);
    }
    d->n = n;
    d->histories = histories;
    d->room = stepper_measure(d->space, n, histories, BATCH, beam);
    d->room.step_rows = set_widths(d, beam, spare);
    if (d->loan) decode_together(d, (n + BATCH - 1) / BATCH);
    else parallel_for((n + BATCH - 1) / BATCH, decode_batch, d);
    free(d->width);
}

void decoder_restrict(decoder_t *d, const item_set_t *const *within) { d->within = within; }
void decoder_lend(decoder_t *d, loan_t *loan) { d->loan = loan; }
void decoder_follow(decoder_t *d, trail_t *const *trails) { d->trails = trails; }

void decoder_topk(decoder_t *d, int64_t n, const history_t *histories, int beam, int spare, int k, int32_t *items, float *scores)
{
    if (k < 1 || (k > beam && !spare)) die(EX_USAGE, "%d items cannot be read off a beam of %d", k, beam);
    d->k = k;
    d->items = items;
    d->scores = scores;
    d->free_running = false;
    run(d, n, histories, beam, spare);
}

double decoder_invalid_rate(decoder_t *d, int64_t n, const history_t *histories, int beam)
{
    if (n < 1) return 0;
    int64_t batches = (n + BATCH - 1) / BATCH;
    d->invalid = NEW_ARRAY(double, batches);
    d->free_running = true;
    run(d, n, histories, beam, 0);
    double sum = 0;
    for (int64_t i = 0; i < batches; i++) sum += d->invalid[i];
    free(d->invalid);
    return sum / (double)n;
}
