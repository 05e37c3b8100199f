#include "nn/nearest.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"

enum { ROWS = 4096 }; /* rows a shard */

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
