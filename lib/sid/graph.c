#include "sid/graph.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/minmax.h"
#include "base/parallel.h"
#include "data/occurrences.h"

enum { ROWS_A_SHARD = 256 };

/* A row being made: sums over few of many items, dense, with the list of those touched. */
typedef struct {
    double *weight; /* [items], all 0 between rows */
    int32_t *pairs; /* [items] how many were summed */
    int32_t *list;  /* [items] those touched */
    int64_t count;
} row_t;

typedef struct {
    occurrences_t at;
    graph_options_t o;
    double *fade;   /* [window + 1] what a pair so many events apart adds */
    row_t *scratch; /* [workers] */
    csr_t graph;
    double *degree; /* [items] */
} fit_t;

static row_t row_new(int64_t items)
{
    return (row_t){.weight = NEW_ARRAY(double, items), .pairs = NEW_ARRAY(int32_t, items), .list = NEW_ARRAY(int32_t, items)};
}

static void row_free(row_t *r)
{
    free(r->weight);
    free(r->pairs);
    free(r->list);
}

static void row_add(row_t *r, int32_t item, double weight)
{
    if (!r->pairs[item]) r->list[r->count++] = item;
    if (r->pairs[item] < INT32_MAX) r->pairs[item]++;
    r->weight[item] += weight;
}

static void row_clear(row_t *r)
{
    for (int64_t i = 0; i < r->count; i++) {
        r->weight[r->list[i]] = 0;
        r->pairs[r->list[i]] = 0;
    }
    r->count = 0;
}

/* Adds up what stands around every occurrence of an item. */
static void gather_row(const fit_t *f, int64_t item, row_t *r)
{
    const occurrences_t *o = &f->at;
    for (int64_t p = o->first[item]; p < o->first[item + 1]; p++) {
        const int64_t e = o->place[p];
        const int64_t before = occurrences_before(o, e, f->o.window), after = occurrences_after(o, e, f->o.window);
        for (int64_t s = -before; s <= after; s++)
            if (o->item[e + s] != item) row_add(r, o->item[e + s], f->fade[s < 0 ? -s : s]);
    }
}

/* Leaves on the list what has pairs enough. */
static void drop_rare(const fit_t *f, row_t *r)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < r->count; i++) {
        const int32_t other = r->list[i];
        if (r->pairs[other] >= f->o.least) {
            r->list[kept++] = other;
            continue;
        }
        r->weight[other] = 0;
        r->pairs[other] = 0;
    }
    r->count = kept;
}

static int ascending(const void *a, const void *b)
{
    const int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

/* Puts a row into its place, in order; its item alone where it is empty. */
static void fill_row(fit_t *f, int64_t item, row_t *r)
{
    int32_t *index = f->graph.index + f->graph.offsets[item];
    float *value = f->graph.value + f->graph.offsets[item];
    qsort(r->list, (size_t)r->count, sizeof *r->list, ascending);
    for (int64_t i = 0; i < r->count; i++) {
        index[i] = r->list[i];
        value[i] = (float)r->weight[r->list[i]];
        f->degree[item] += (double)value[i];
    }
    if (r->count) return;
    index[0] = (int32_t)item;
    value[0] = 1;
    f->degree[item] = 1;
}

/* Makes the rows of a shard: their sizes before there is room for them, and afterwards the rows themselves. */
static void make_rows(void *ctx, int64_t shard, int worker)
{
    fit_t *f = ctx;
    row_t *r = &f->scratch[worker];
    for (int64_t i = shard * ROWS_A_SHARD; i < min64((shard + 1) * ROWS_A_SHARD, f->graph.rows); i++) {
        gather_row(f, i, r);
        drop_rare(f, r);
        if (f->graph.index) fill_row(f, i, r);
        else f->graph.offsets[i + 1] = max64(r->count, 1);
        row_clear(r);
    }
}

static void normalise_rows(void *ctx, int64_t shard, int worker)
{
    (void)worker;
    fit_t *f = ctx;
    const csr_t *g = &f->graph;
    for (int64_t i = shard * ROWS_A_SHARD; i < min64((shard + 1) * ROWS_A_SHARD, g->rows); i++)
        for (int64_t e = g->offsets[i]; e < g->offsets[i + 1]; e++)
            g->value[e] = (float)((double)g->value[e] / sqrt(f->degree[i] * f->degree[g->index[e]]));
}

static double *fades(const graph_options_t *o)
{
    double *fade = NEW_ARRAY(double, o->window + 1);
    for (int64_t s = 1; s <= o->window; s++) fade[s] = pow((double)s, -o->fade);
    return fade;
}

static void make_room(csr_t *g)
{
    for (int64_t i = 0; i < g->rows; i++) g->offsets[i + 1] += g->offsets[i];
    g->index = NEW_ARRAY(int32_t, g->offsets[g->rows] + 1);
    g->value = NEW_ARRAY(float, g->offsets[g->rows] + 1);
}

csr_t graph_new(const interactions_t *x, const graph_options_t *o)
{
    fit_t f = {.at = occurrences_new(x), .o = *o, .scratch = NEW_ARRAY(row_t, parallel_workers()),
               .degree = NEW_ARRAY(double, x->items + 1)};
    f.o.window = min64(o->window, max64(x->events, 1));
    f.fade = fades(&f.o);
    f.graph = (csr_t){.rows = x->items, .cols = x->items, .offsets = NEW_ARRAY(int64_t, x->items + 1)};
    for (int w = 0; w < parallel_workers(); w++) f.scratch[w] = row_new(x->items);
    const int64_t shards = (x->items + ROWS_A_SHARD - 1) / ROWS_A_SHARD;
    parallel_for(shards, make_rows, &f);
    make_room(&f.graph);
    parallel_for(shards, make_rows, &f);
    for (int w = 0; w < parallel_workers(); w++) row_free(&f.scratch[w]);
    occurrences_free(&f.at);
    parallel_for(shards, normalise_rows, &f);
    free(f.scratch);
    free(f.fade);
    free(f.degree);
    return f.graph;
}

int64_t graph_edges(const csr_t *g)
{
    int64_t halves = 0;
    for (int64_t i = 0; i < g->rows; i++)
        for (int64_t e = g->offsets[i]; e < g->offsets[i + 1]; e++) halves += g->index[e] != i;
    return halves / 2;
}

bool graph_joins(const csr_t *g, int64_t a, int64_t b)
{
    const int32_t key = (int32_t)b;
    return a != b && bsearch(&key, g->index + g->offsets[a], (size_t)(g->offsets[a + 1] - g->offsets[a]), sizeof key, ascending);
}
