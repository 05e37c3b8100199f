#include "blend/cooccurrence.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "blend/accumulator.h"
#include "data/occurrences.h"

enum { ROWS_A_SHARD = 256 };

typedef struct {
    occurrences_t at;
    int64_t items;
    cooccur_options_t options;
    double *norm; /* [items] popularity^power */
    accumulator_t *scratch;
    int64_t *row_size;   /* [items] */
    int32_t **neighbour; /* [items] */
    float **weight;      /* [items] */
} fit_t;

static void fit_row(fit_t *f, int64_t item, accumulator_t *a)
{
    const occurrences_t *o = &f->at;
    int64_t window = f->options.window;
    for (int64_t p = o->first[item]; p < o->first[item + 1]; p++) {
        int64_t e = o->place[p];
        const int64_t before = occurrences_before(o, e, window), after = occurrences_after(o, e, window);
        for (int64_t s = 1; s <= after; s++) accumulate(a, o->item[e + s], 1.0 / (double)s);
        for (int64_t s = 1; s <= before && f->options.back > 0; s++) accumulate(a, o->item[e - s], f->options.back / (double)s);
    }
    accumulator_sort(a);
    f->row_size[item] = a->count;
    f->neighbour[item] = NEW_ARRAY(int32_t, a->count + 1);
    f->weight[item] = NEW_ARRAY(float, a->count + 1);
    for (int64_t i = 0; i < a->count; i++) {
        int32_t other = a->list[i];
        f->neighbour[item][i] = other;
        f->weight[item][i] = (float)(a->sum[other] / (f->norm[item] * f->norm[other]));
    }
    accumulator_clear(a);
}

static void fit_rows(void *ctx, int64_t shard, int worker)
{
    fit_t *f = ctx;
    int64_t end = (shard + 1) * ROWS_A_SHARD < f->items ? (shard + 1) * ROWS_A_SHARD : f->items;
    for (int64_t i = shard * ROWS_A_SHARD; i < end; i++) fit_row(f, i, &f->scratch[worker]);
}

static csr_t join_rows(fit_t *f)
{
    csr_t c = {.rows = f->items, .cols = f->items, .offsets = NEW_ARRAY(int64_t, f->items + 1)};
    for (int64_t i = 0; i < f->items; i++) c.offsets[i + 1] = c.offsets[i] + f->row_size[i];
    c.index = NEW_ARRAY(int32_t, c.offsets[f->items] + 1);
    c.value = NEW_ARRAY(float, c.offsets[f->items] + 1);
    for (int64_t i = 0; i < f->items; i++) {
        memcpy(c.index + c.offsets[i], f->neighbour[i], (size_t)f->row_size[i] * sizeof *c.index);
        memcpy(c.value + c.offsets[i], f->weight[i], (size_t)f->row_size[i] * sizeof *c.value);
        free(f->neighbour[i]);
        free(f->weight[i]);
    }
    return c;
}

static double *norms(const interactions_t *x, double power)
{
    int64_t *popularity = interactions_popularity(x);
    double *norm = NEW_ARRAY(double, x->items + 1);
    for (int64_t i = 0; i < x->items; i++) norm[i] = pow((double)popularity[i], power);
    free(popularity);
    return norm;
}

csr_t cooccurrence_rows(const interactions_t *x, const cooccur_options_t *options)
{
    fit_t f = {.at = occurrences_new(x), .items = x->items, .options = *options, .norm = norms(x, options->power),
               .scratch = NEW_ARRAY(accumulator_t, parallel_workers()), .row_size = NEW_ARRAY(int64_t, x->items + 1),
               .neighbour = NEW_ARRAY(int32_t *, x->items + 1), .weight = NEW_ARRAY(float *, x->items + 1)};
    for (int w = 0; w < parallel_workers(); w++) f.scratch[w] = accumulator_new(x->items);
    parallel_for((x->items + ROWS_A_SHARD - 1) / ROWS_A_SHARD, fit_rows, &f);
    csr_t rows = join_rows(&f);
    for (int w = 0; w < parallel_workers(); w++) accumulator_free(&f.scratch[w]);
    occurrences_free(&f.at);
    free(f.scratch);
    free(f.norm);
    free(f.row_size);
    free(f.neighbour);
    free(f.weight);
    return rows;
}
