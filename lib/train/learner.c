#include "train/learner.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/simd.h"
#include "nn/optim.h"

enum { UPDATE_SLICE = 1 << 15, ROWS = 256 }; /* floats, and rows of a table, that one step of the parallel optimiser takes */

static float *new_floats(const param_t *p) { return params_table_new(p, (size_t)p->cols * sizeof(float)); }

/* Copies floats of the rows that this rank holds. */
static void copy_rows(const param_t *p, float *to, const float *from)
{
    const ranks_block_t rows = params_held(p);
    memcpy(to + rows.first * p->cols, from + rows.first * p->cols, (size_t)((rows.end - rows.first) * p->cols) * sizeof(float));
}

static learner_table_t table_new(const param_t *p, bool best, bool average)
{
    learner_table_t t = {.m = new_floats(p), .v = new_floats(p), .steps = params_table_new(p, sizeof *t.steps)};
    if (best) t.best = new_floats(p);
    if (!average) return t;
    t.average = new_floats(p);
    copy_rows(p, t.average, p->table);
    t.averaged_at = params_table_new(p, sizeof *t.averaged_at);
    return t;
}

static void table_free(const param_t *p, const learner_table_t *t)
{
    float *all[] = {t->m, t->v, t->best, t->average};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) params_table_free(p, all[i], (size_t)p->cols * sizeof(float));
    params_table_free(p, t->steps, sizeof *t->steps);
    params_table_free(p, t->averaged_at, sizeof *t->averaged_at);
}

static bool has_table(const learner_t *l, int block)
{
    return l->params->blocks[block].sparse && !l->params->blocks[block].frozen;
}

learner_t learner_new(params_t *params, int64_t shards, bool best, bool average)
{
    const size_t n = (size_t)params->size;
    learner_t l = {.params = params, .m = xfloats(n), .v = xfloats(n), .shards = shards};
    if (best) l.best = xfloats(n);
    if (average) {
        l.average = xfloats(n);
        memcpy(l.average, params->weights, n * sizeof(float));
    }
    l.tables = NEW_ARRAY(learner_table_t, params->count + 1);
    for (int i = 0; i < params->count; i++)
        if (has_table(&l, i)) l.tables[i] = table_new(&params->blocks[i], best, average);
    l.grads = NEW_ARRAY(grads_t *, shards);
    for (int64_t s = 0; s < shards; s++) l.grads[s] = grads_new(params);
    return l;
}

void learner_free(learner_t *l)
{
    for (int64_t s = 0; s < l->shards; s++) grads_free(l->grads[s]);
    for (int i = 0; i < l->params->count; i++) table_free(&l->params->blocks[i], &l->tables[i]);
    void *all[] = {l->grads, l->tables, l->m, l->v, l->best, l->average};
    for (size_t j = 0; j < sizeof all / sizeof *all; j++) free(all[j]);
    *l = (learner_t){0};
}

/* The update at hand. */
typedef struct {
    learner_t *l;
    const update_options_t *o;
    double scale;
    float decay; /* of the moving average */
    int block;   /* the table at hand */
} update_t;

SIMD_CLONES
static void move_average(int64_t n, float decay, const float *restrict w, float *restrict average)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) average[i] = decay * average[i] + (1 - decay) * w[i];
}

static adamw_t adamw_for(const update_t *u, const param_t *p)
{
    return (adamw_t){u->o->lr, 0.9, u->o->beta2, 1e-8, p->decay ? u->o->weight_decay : 0};
}

/* Updates what of a dense block lies in a slice of the flat arrays. */
static void update_part(const update_t *u, const param_t *p, int64_t begin, int64_t end)
{
    learner_t *l = u->l;
    const adamw_t a = adamw_for(u, p);
    float *w = l->params->weights + begin;
    adamw_step(&a, l->updates, u->scale, end - begin, w, l->grads[0]->dense + begin, l->m + begin, l->v + begin);
    if (l->average) move_average(end - begin, u->decay, w, l->average + begin);
}

static void update_slice(void *ctx, int64_t slice, int worker)
{
    (void)worker;
    const update_t *u = ctx;
    const params_t *params = u->l->params;
    for (int i = 0; i < params->count; i++) {
        const param_t *p = &params->blocks[i];
        if (p->sparse || p->frozen) continue;
        const int64_t begin = p->offset > slice * UPDATE_SLICE ? p->offset : slice * UPDATE_SLICE;
        const int64_t end = p->offset + p->count < (slice + 1) * UPDATE_SLICE ? p->offset + p->count : (slice + 1) * UPDATE_SLICE;
        if (begin < end) update_part(u, p, begin, end);
    }
}

/* Brings a row's average up to date: its values have stood still since it was last. */
static void catch_up(const learner_t *l, int block, int64_t row)
{
    const param_t *p = &l->params->blocks[block];
    const learner_table_t *t = &l->tables[block];
    const double missed = l->decayed - t->averaged_at[row];
    if (missed != 0) move_average(p->cols, (float)exp(missed), p->table + row * p->cols, t->average + row * p->cols);
    t->averaged_at[row] = l->decayed;
}

static void update_row(const update_t *u, int64_t row, const float *grad)
{
    const learner_t *l = u->l;
    const param_t *p = &l->params->blocks[u->block];
    const learner_table_t *t = &l->tables[u->block];
    const int64_t at = row * p->cols;
    const adamw_t a = adamw_for(u, p);
    if (t->average) catch_up(l, u->block, row);
    adamw_step(&a, ++t->steps[row], u->scale, p->cols, p->table + at, grad, t->m + at, t->v + at);
    if (!t->average) return;
    move_average(p->cols, u->decay, p->table + at, t->average + at);
    t->averaged_at[row] = l->decayed + log((double)u->decay);
}

static void update_rows(void *ctx, int64_t part, int worker)
{
    (void)worker;
    const update_t *u = ctx;
    const grads_rows_t *touched = &u->l->grads[0]->rows[u->block];
    const int64_t end = (part + 1) * ROWS < touched->count ? (part + 1) * ROWS : touched->count;
    for (int64_t i = part * ROWS; i < end; i++)
        update_row(u, touched->row[i], touched->values + i * u->l->params->blocks[u->block].cols);
}

double learner_update(learner_t *l, const update_options_t *o, int64_t shards, double scale)
{
    const double norm = scale * sqrt(grads_reduce(l->grads, (int)shards));
    if (!isfinite(norm)) return norm;
    l->updates++;
    /* A young average would remember the random start: its decay grows with the number of updates. */
    const double grown = (1 + (double)l->updates) / (10 + (double)l->updates);
    update_t u = {l, o, o->clip > 0 && norm > o->clip ? scale * (o->clip / norm) : scale, (float)fmin(grown, o->average), 0};
    parallel_for((l->params->size + UPDATE_SLICE - 1) / UPDATE_SLICE, update_slice, &u);
    for (u.block = 0; u.block < l->params->count; u.block++)
        if (has_table(l, u.block)) parallel_for((l->grads[0]->rows[u.block].count + ROWS - 1) / ROWS, update_rows, &u);
    if (l->average) l->decayed += log((double)u.decay);
    return norm;
}

static void swap(float **a, float **b)
{
    float *t = *a;
    *a = *b;
    *b = t;
}

void learner_swap_average(learner_t *l)
{
    if (!l->average) return;
    swap(&l->params->weights, &l->average);
    for (int i = 0; i < l->params->count; i++) {
        if (!has_table(l, i)) continue;
        const ranks_block_t held = params_held(&l->params->blocks[i]);
        for (int64_t row = held.first; row < held.end; row++) catch_up(l, i, row);
        swap(&l->params->blocks[i].table, &l->tables[i].average);
    }
}

void learner_keep(learner_t *l)
{
    memcpy(l->best, l->params->weights, (size_t)l->params->size * sizeof(float));
    for (int i = 0; i < l->params->count; i++)
        if (has_table(l, i)) copy_rows(&l->params->blocks[i], l->tables[i].best, l->params->blocks[i].table);
}

void learner_restore(learner_t *l)
{
    memcpy(l->params->weights, l->best, (size_t)l->params->size * sizeof(float));
    for (int i = 0; i < l->params->count; i++)
        if (has_table(l, i)) copy_rows(&l->params->blocks[i], l->params->blocks[i].table, l->tables[i].best);
}

/* Adds those arrays of floats that there are. */
static void add_arrays(checkpoint_t *c, const char *prefix, const checkpoint_rows_t *of, float *values, float *m, float *v, float *best,
                       float *average)
{
    const struct { const char *name; float *values; } all[] = {
        {"values", values}, {"m", m}, {"v", v}, {"best", best}, {"average", average}};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        if (all[i].values) checkpoint_add_rows(c, prefix, all[i].name, ST_F32, *of, all[i].values);
}

static void table_fields(const learner_t *l, int block, checkpoint_t *c)
{
    const param_t *p = &l->params->blocks[block];
    const learner_table_t *t = &l->tables[block];
    const checkpoint_rows_t rows = {p->rows, p->cols, p->split}, one = {p->rows, 1, p->split};
    add_arrays(c, p->name, &rows, p->table, t->m, t->v, t->best, t->average);
    checkpoint_add_rows(c, p->name, "steps", ST_I32, one, t->steps);
    if (t->average) checkpoint_add_rows(c, p->name, "averaged_at", ST_F64, one, t->averaged_at);
}

void learner_fields(learner_t *l, const char *prefix, checkpoint_t *c)
{
    checkpoint_add(c, prefix, "updates", ST_I64, 1, &l->updates);
    checkpoint_add(c, prefix, "decayed", ST_F64, 1, &l->decayed);
    add_arrays(c, prefix, &(checkpoint_rows_t){l->params->size, 1, false}, l->params->weights, l->m, l->v, l->best, l->average);
    for (int i = 0; i < l->params->count; i++)
        if (has_table(l, i)) table_fields(l, i, c);
}
