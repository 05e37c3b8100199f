#include "blend/likeness.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/minmax.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "data/ranking.h"
#include "nn/gemm.h"

enum { ROWS = 64, COLUMNS = 4096 }; /* of one product */

typedef struct {
    int64_t items, dim, count;
    double temperature;
    float *unit;        /* [items, dim] of length 1, or 0 */
    float **cosines;    /* by worker, [ROWS, COLUMNS] */
    ranking_item_t **best; /* by worker, [ROWS, count] */
    int64_t *found;     /* [items] */
    int32_t *index;     /* [items, count] */
    float *value;       /* [items, count] */
} search_t;

static double length_of(const float *x, int64_t dim)
{
    double square = 0;
    for (int64_t j = 0; j < dim; j++) square += (double)x[j] * (double)x[j];
    return sqrt(square);
}

static float *unit_rows(const float *x, int64_t items, int64_t dim)
{
    float *unit = xfloats(size_mul((size_t)items, (size_t)dim));
    for (int64_t i = 0; i < items; i++) {
        const double length = length_of(x + i * dim, dim);
        for (int64_t j = 0; j < dim && length > 0; j++) unit[i * dim + j] = (float)((double)x[i * dim + j] / length);
    }
    return unit;
}

static bool is_zero(const search_t *s, int64_t item) { return length_of(s->unit + item * s->dim, s->dim) < 0.5; }

static int by_item(const void *a, const void *b)
{
    const ranking_item_t *x = a, *y = b;
    return (x->item > y->item) - (x->item < y->item);
}

static void keep_row(search_t *s, int64_t item, ranking_item_t *best)
{
    const int64_t n = s->found[item];
    double top = -1, sum = 0;
    for (int64_t i = 0; i < n; i++) top = fmax(top, best[i].score);
    qsort(best, (size_t)n, sizeof *best, by_item);
    for (int64_t i = 0; i < n; i++) sum += exp((best[i].score - top) / s->temperature);
    for (int64_t i = 0; i < n; i++) {
        s->index[item * s->count + i] = best[i].item;
        s->value[item * s->count + i] = (float)(exp((best[i].score - top) / s->temperature) / sum);
    }
}

static void search_rows(void *ctx, int64_t shard, int worker)
{
    search_t *s = ctx;
    const int64_t first = shard * ROWS, rows = min64(ROWS, s->items - first);
    float *cosines = s->cosines[worker];
    ranking_item_t *best = s->best[worker];
    for (int64_t c = 0; c < s->items; c += COLUMNS) {
        const int64_t columns = min64(COLUMNS, s->items - c);
        gemm_f32(false, true, rows, columns, s->dim, 1, s->unit + first * s->dim, s->unit + c * s->dim, 0, cosines);
        for (int64_t r = 0; r < rows; r++)
            for (int64_t i = 0; i < columns; i++)
                if (c + i != first + r && (cosines[r * columns + i] != 0 || !is_zero(s, c + i)))
                    ranking_offer(best + r * s->count, &s->found[first + r], s->count,
                                  (ranking_item_t){(double)cosines[r * columns + i], (int32_t)(c + i)});
    }
    for (int64_t r = 0; r < rows; r++) {
        if (is_zero(s, first + r)) s->found[first + r] = 0;
        keep_row(s, first + r, best + r * s->count);
    }
    progress_add(rows);
}

static csr_t join_rows(const search_t *s)
{
    csr_t t = {.rows = s->items, .cols = s->items, .offsets = NEW_ARRAY(int64_t, s->items + 1)};
    for (int64_t i = 0; i < s->items; i++) t.offsets[i + 1] = t.offsets[i] + s->found[i];
    t.index = NEW_ARRAY(int32_t, t.offsets[s->items] + 1);
    t.value = NEW_ARRAY(float, t.offsets[s->items] + 1);
    for (int64_t i = 0; i < s->items; i++)
        for (int64_t j = 0; j < s->found[i]; j++) {
            t.index[t.offsets[i] + j] = s->index[i * s->count + j];
            t.value[t.offsets[i] + j] = s->value[i * s->count + j];
        }
    return t;
}

csr_t likeness_rows(const float *x, int64_t items, int64_t dim, const likeness_options_t *options)
{
    const int64_t count = max64(1, min64(options->count, items - 1));
    const size_t cells = size_mul((size_t)items, (size_t)count);
    search_t s = {.items = items, .dim = dim, .count = count, .temperature = options->temperature,
                  .unit = unit_rows(x, items, dim), .cosines = NEW_ARRAY(float *, parallel_workers()),
                  .best = NEW_ARRAY(ranking_item_t *, parallel_workers()), .found = NEW_ARRAY(int64_t, items + 1),
                  .index = NEW_ARRAY(int32_t, cells), .value = NEW_ARRAY(float, cells)};
    gemm_init();
    for (int w = 0; w < parallel_workers(); w++) {
        s.cosines[w] = NEW_ARRAY(float, ROWS * COLUMNS);
        s.best[w] = NEW_ARRAY(ranking_item_t, ROWS * count);
    }
    progress_start("neighbours", "items", items);
    parallel_for((items + ROWS - 1) / ROWS, search_rows, &s);
    progress_end();
    csr_t rows = join_rows(&s);
    for (int w = 0; w < parallel_workers(); w++) {
        free(s.cosines[w]);
        free(s.best[w]);
    }
    free(s.cosines);
    free(s.best);
    free(s.unit);
    free(s.found);
    free(s.index);
    free(s.value);
    return rows;
}
