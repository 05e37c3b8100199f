#include "train/learner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/jsonlog.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "base/simd.h"
#include "nn/optim.h"

learner_t learner_new(model_t *model, const backend_t *b, int64_t positions, int64_t shards, bool average)
{
    const size_t n = (size_t)model->size;
    learner_t l = {.model = model, .net = network_new(model, b, positions), .shards = shards};
    l.m = xfloats(n);
    l.v = xfloats(n);
    l.best = xfloats(n);
    if (average) {
        l.average = xfloats(n);
        memcpy(l.average, model->weights, n * sizeof(float));
    }
    l.grads = NEW_ARRAY(float *, shards);
    for (int64_t s = 0; s < shards; s++) l.grads[s] = xfloats(n);
    return l;
}

void learner_free(learner_t *l)
{
    for (int64_t s = 0; s < l->shards; s++) free(l->grads[s]);
    free(l->grads);
    free(l->m);
    free(l->v);
    free(l->best);
    free(l->average);
    network_free(l->net);
    *l = (learner_t){0};
}

/* What one update does to one parameter. */
typedef struct {
    learner_t *l;
    const update_options_t *o;
    int64_t update;
    double scale;
    float average; /* decay of the moving average */
} step_at_t;

SIMD_CLONES
static void move_average(int64_t n, float decay, const float *restrict w, float *restrict average)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) average[i] = decay * average[i] + (1 - decay) * w[i];
}

static void update_param(void *ctx, int64_t i, int worker)
{
    (void)worker;
    const step_at_t *u = ctx;
    learner_t *l = u->l;
    const param_t *p = &l->model->params[i];
    if (p->frozen) return;
    float *w = l->model->weights + p->offset;
    adamw_t a = {u->o->lr, 0.9, u->o->beta2, 1e-8, p->decay ? u->o->weight_decay : 0};
    adamw_step(&a, u->update, u->scale, p->count, w, l->grads[0] + p->offset, l->m + p->offset, l->v + p->offset);
    if (l->average) move_average(p->count, u->average, w, l->average + p->offset);
}

double learner_update(learner_t *l, const update_options_t *o, int64_t update, int64_t shards, double scale)
{
    reduce_tree(l->grads, (int)shards, l->model->size);
    double norm = scale * sqrt(sum_squares(l->grads[0], l->model->size));
    if (!isfinite(norm)) return norm;
    /* A young average would remember the random start: its decay grows with the number of updates. */
    double grown = (1 + (double)update) / (10 + (double)update);
    step_at_t u = {l, o, update, o->clip > 0 && norm > o->clip ? scale * (o->clip / norm) : scale, (float)fmin(grown, o->average)};
    parallel_for(l->model->count, update_param, &u);
    network_sync(l->net);
    return norm;
}

void learner_swap_average(learner_t *l)
{
    if (!l->average) return;
    float *w = l->model->weights;
    l->model->weights = l->average;
    l->average = w;
    network_sync(l->net);
}

void learner_keep(learner_t *l) { memcpy(l->best, l->model->weights, (size_t)l->model->size * sizeof(float)); }

void learner_restore(learner_t *l)
{
    memcpy(l->model->weights, l->best, (size_t)l->model->size * sizeof(float));
    network_sync(l->net);
}

enum { ARRAYS = 5 };

/* What a checkpoint holds of it; returns the number of arrays. */
static int arrays_of(const learner_t *l, checkpoint_array_t arrays[ARRAYS])
{
    const struct { const char *name; float *values; } all[ARRAYS] = {
        {"weights", l->model->weights}, {"m", l->m}, {"v", l->v}, {"best", l->best}, {"average", l->average}};
    int n = l->average ? ARRAYS : ARRAYS - 1;
    for (int i = 0; i < n; i++) arrays[i] = (checkpoint_array_t){all[i].name, all[i].values, l->model->size};
    return n;
}

void learner_save(const learner_t *l, const learner_checkpoint_t *c)
{
    if (!c->folder) return;
    const jsonlog_mark_t mark = jsonlog_mark();
    c->numbers[c->log_bytes] = (double)mark.bytes;
    c->numbers[c->log_digest] = (double)mark.digest;
    checkpoint_array_t arrays[ARRAYS];
    const int count = arrays_of(l, arrays);
    checkpoint_save(c->folder, c->fingerprint, &(checkpoint_t){arrays, count, c->numbers, c->count});
}

_Noreturn void learner_damaged(const learner_checkpoint_t *c)
{
    die(EX_DATAERR, "%s: the checkpoint is damaged; remove it to start anew", c->folder);
}

bool learner_load(learner_t *l, const learner_checkpoint_t *c)
{
    if (!c->folder) return false;
    checkpoint_array_t arrays[ARRAYS];
    const int count = arrays_of(l, arrays);
    if (!checkpoint_load(c->folder, c->fingerprint, &(checkpoint_t){arrays, count, c->numbers, c->count})) return false;
    for (int i = 0; i < c->count; i++)
        if (!isfinite(c->numbers[i])) learner_damaged(c);
    for (int i = 0; i < c->whole_count; i++) {
        const double v = c->numbers[c->whole[i]];
        if (!(v >= 0 && v < 0x1p53 && v == floor(v))) learner_damaged(c);
    }
    network_sync(l->net);
    return true;
}
