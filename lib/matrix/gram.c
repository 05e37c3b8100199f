#include "matrix/gram.h"

#include <cblas.h>
#include <lapacke.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "base/parallel.h"

enum {
    CHUNK = 256,      /* rows turned into doubles at a time */
    GRAM_SHARDS = 16, /* partial Gram matrices; part of the result */
};

struct gram {
    int64_t rows, l;
    const float *z;
    double *parts; /* [GRAM_SHARDS, l, l] */
};

static void gram_shard(void *ctx, int64_t shard, int worker)
{
    (void)worker;
    const struct gram *g = ctx;
    int64_t first = g->rows * shard / GRAM_SHARDS, end = g->rows * (shard + 1) / GRAM_SHARDS;
    double *part = g->parts + shard * g->l * g->l;
    double *wide = NEW_ARRAY(double, CHUNK * g->l);
    for (int64_t r = first; r < end; r += CHUNK) {
        int64_t rows = min64(CHUNK, end - r);
        for (int64_t i = 0; i < rows * g->l; i++) wide[i] = (double)g->z[r * g->l + i];
        cblas_dsyrk(CblasRowMajor, CblasUpper, CblasTrans, (int)g->l, (int)rows, 1, wide, (int)g->l, 1, part, (int)g->l);
    }
    free(wide);
}

double *gram_matrix(int64_t rows, int64_t l, const float *z)
{
    struct gram g = {rows, l, z, xcalloc(size_mul(GRAM_SHARDS, size_mul((size_t)l, (size_t)l)), sizeof(double))};
    parallel_for(GRAM_SHARDS, gram_shard, &g);
    for (int64_t s = 1; s < GRAM_SHARDS; s++)
        for (int64_t i = 0; i < l * l; i++) g.parts[i] += g.parts[s * l * l + i];
    return g.parts;
}

double *gram_eigen(int64_t n, double *a)
{
    double *values = NEW_ARRAY(double, n);
    lapack_int bad = LAPACKE_dsyevd(LAPACK_ROW_MAJOR, 'V', 'U', (lapack_int)n, a, (lapack_int)n, values);
    if (bad) die(EX_SOFTWARE, "eigenvalues of a %lld x %lld matrix did not converge", (long long)n, (long long)n);
    return values;
}
