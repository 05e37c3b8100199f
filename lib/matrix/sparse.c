#include "matrix/sparse.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/ranks.h"
#include "base/simd.h"

enum { ROWS = 64 /* a shard */, AHEAD = 8 /* elements whose rows of the dense matrix are on their way */ };

csr_t csr_transpose(const csr_t *x)
{
    int64_t elements = x->offsets[x->rows];
    csr_t t = {.rows = x->cols, .cols = x->rows};
    t.offsets = NEW_ARRAY(int64_t, t.rows + 1);
    t.index = NEW_ARRAY(int32_t, elements);
    t.value = NEW_ARRAY(float, elements);
    for (int64_t e = 0; e < elements; e++) t.offsets[x->index[e] + 1]++;
    for (int64_t r = 0; r < t.rows; r++) t.offsets[r + 1] += t.offsets[r];
    int64_t *at = NEW_ARRAY(int64_t, t.rows);
    memcpy(at, t.offsets, (size_t)t.rows * sizeof *at);
    for (int64_t r = 0; r < x->rows; r++) {
        for (int64_t e = x->offsets[r]; e < x->offsets[r + 1]; e++) {
            int64_t to = at[x->index[e]]++;
            t.index[to] = (int32_t)r;
            t.value[to] = x->value[e];
        }
    }
    free(at);
    return t;
}

struct product {
    const csr_t *x;
    int64_t k;
    const float *b;
    float *y;
};

/* Asks for the first two cache lines of a row: columns come in no order that the processor could foresee. */
static inline void fetch_ahead(const float *row, int64_t k)
{
    __builtin_prefetch(row);
    if (k > 16) __builtin_prefetch(row + 16);
}

SIMD_CLONES
static void rows_product(const csr_t *x, int64_t first, int64_t end, int64_t k, const float *restrict b, float *restrict y)
{
    const int64_t elements = x->offsets[end];
    for (int64_t r = first; r < end; r++) {
        float *restrict to = y + r * k;
        memset(to, 0, (size_t)k * sizeof *to);
        for (int64_t e = x->offsets[r]; e < x->offsets[r + 1]; e++) {
            const float *restrict from = b + x->index[e] * k;
            if (e + AHEAD < elements) fetch_ahead(b + x->index[e + AHEAD] * k, k);
            const float a = x->value[e];
#pragma omp simd
            for (int64_t j = 0; j < k; j++) to[j] += a * from[j];
        }
    }
}

static void product_shard(void *ctx, int64_t shard, int worker)
{
    (void)worker;
    const struct product *p = ctx;
    int64_t first = shard * ROWS, end = first + ROWS < p->x->rows ? first + ROWS : p->x->rows;
    rows_product(p->x, first, end, p->k, p->b, p->y);
}

void csr_product(const csr_t *x, int64_t k, const float *b, float *y)
{
    struct product p = {x, k, b, y};
    parallel_ranks((x->rows + ROWS - 1) / ROWS, product_shard, &p);
    ranks_share_rows(y, x->rows, ROWS, (size_t)k * sizeof *y);
}

double csr_sum_squares(const csr_t *x)
{
    double sum = 0;
    for (int64_t e = 0; e < x->offsets[x->rows]; e++) sum += (double)x->value[e] * (double)x->value[e];
    return sum;
}

void csr_free(csr_t *x)
{
    free(x->offsets);
    free(x->index);
    free(x->value);
    *x = (csr_t){0};
}
