#include "matrix/nearest.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/minmax.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "data/ranking.h"
#include "nn/gemm.h"

enum { ROWS = 4096, /* a shard of a single search */ BLOCK = 64, COLUMNS = 4096 /* of one product */ };

struct search {
    int64_t rows, dim;
    const float *x, *query;
    double query_length;
    float *cosine; /* [rows], NAN for zero rows */
};

static void compare_shard(void *ctx, int64_t shard, int worker)
{
    (void)worker;
    const struct search *s = ctx;
    int64_t end = (shard + 1) * ROWS < s->rows ? (shard + 1) * ROWS : s->rows;
    for (int64_t r = shard * ROWS; r < end; r++) {
        const float *row = s->x + r * s->dim;
        double dot = 0, square = 0;
#pragma omp simd reduction(+ : dot, square)
        for (int64_t j = 0; j < s->dim; j++) {
            dot += (double)row[j] * (double)s->query[j];
            square += (double)row[j] * (double)row[j];
        }
        s->cosine[r] = square > 0 ? (float)(dot / (sqrt(square) * s->query_length)) : NAN;
    }
}

int64_t nearest_rows(int64_t rows, int64_t dim, const float *x, int64_t query, int64_t k, int64_t *index, float *cosine)
{
    struct search s = {rows, dim, x, x + query * dim, 0, xmalloc(size_mul((size_t)rows, sizeof(float)))};
    for (int64_t j = 0; j < dim; j++) s.query_length += (double)s.query[j] * (double)s.query[j];
    s.query_length = sqrt(s.query_length);
    if (s.query_length > 0) parallel_for((rows + ROWS - 1) / ROWS, compare_shard, &s);
    int64_t found = 0;
    for (int64_t r = 0; r < rows && s.query_length > 0 && k > 0; r++) {
        if (r == query || isnan(s.cosine[r]) || (found == k && s.cosine[r] <= cosine[k - 1])) continue;
        int64_t at = found < k ? found++ : k - 1;
        for (; at > 0 && cosine[at - 1] < s.cosine[r]; at--) {
            cosine[at] = cosine[at - 1];
            index[at] = index[at - 1];
        }
        cosine[at] = s.cosine[r];
        index[at] = r;
    }
    free(s.cosine);
    return found;
}

typedef struct {
    int64_t rows, dim, k;
    float *unit;           /* [rows, dim] of length 1, or 0 */
    float **product;       /* by worker, [BLOCK, COLUMNS] */
    ranking_item_t **best; /* by worker, [BLOCK, k] */
    int32_t *index;
    float *cosine;
    int64_t *found;
} each_t;

static double length_of(const float *x, int64_t dim)
{
    double square = 0;
    for (int64_t j = 0; j < dim; j++) square += (double)x[j] * (double)x[j];
    return sqrt(square);
}

static float *unit_rows(const float *x, int64_t rows, int64_t dim)
{
    float *unit = xfloats(size_mul((size_t)rows, (size_t)dim));
    for (int64_t i = 0; i < rows; i++) {
        const double length = length_of(x + i * dim, dim);
        for (int64_t j = 0; j < dim && length > 0; j++) unit[i * dim + j] = (float)((double)x[i * dim + j] / length);
    }
    return unit;
}

static bool is_zero(const each_t *s, int64_t row) { return length_of(s->unit + row * s->dim, s->dim) < 0.5; }

/* Offers the products of a block's rows with the columns from `first` on. */
static void offer_columns(each_t *s, int64_t block, int64_t rows, int64_t first, int64_t columns, const float *product,
                          ranking_item_t *best)
{
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < columns; i++) {
            const double cosine = (double)product[r * columns + i];
            if (first + i == block + r || (cosine == 0 && is_zero(s, first + i))) continue;
            ranking_offer(best + r * s->k, &s->found[block + r], s->k, (ranking_item_t){cosine, (int32_t)(first + i)});
        }
}

static void search_block(void *ctx, int64_t shard, int worker)
{
    each_t *s = ctx;
    const int64_t block = shard * BLOCK, rows = min64(BLOCK, s->rows - block);
    float *product = s->product[worker];
    ranking_item_t *best = s->best[worker];
    for (int64_t c = 0; c < s->rows; c += COLUMNS) {
        const int64_t columns = min64(COLUMNS, s->rows - c);
        gemm_f32(false, true, rows, columns, s->dim, 1, s->unit + block * s->dim, s->unit + c * s->dim, 0, product);
        offer_columns(s, block, rows, c, columns, product, best);
    }
    for (int64_t r = 0; r < rows; r++) {
        int64_t *n = &s->found[block + r];
        if (is_zero(s, block + r)) *n = 0;
        qsort(best + r * s->k, (size_t)*n, sizeof *best, ranking_best_first);
        for (int64_t i = 0; i < *n; i++) {
            s->index[(block + r) * s->k + i] = best[r * s->k + i].item;
            s->cosine[(block + r) * s->k + i] = (float)best[r * s->k + i].score;
        }
    }
    progress_add(rows);
}

void nearest_each(int64_t rows, int64_t dim, const float *x, int64_t k, int32_t *index, float *cosine, int64_t *found)
{
    const int workers = parallel_workers();
    each_t s = {rows, dim, k, unit_rows(x, rows, dim), NEW_ARRAY(float *, workers), NEW_ARRAY(ranking_item_t *, workers), index,
                cosine, found};
    gemm_init();
    for (int w = 0; w < workers; w++) {
        s.product[w] = NEW_ARRAY(float, BLOCK * COLUMNS);
        s.best[w] = NEW_ARRAY(ranking_item_t, BLOCK * k);
    }
    for (int64_t r = 0; r < rows; r++) found[r] = 0;
    parallel_for((rows + BLOCK - 1) / BLOCK, search_block, &s);
    for (int w = 0; w < workers; w++) {
        free(s.product[w]);
        free(s.best[w]);
    }
    free(s.product);
    free(s.best);
    free(s.unit);
}
