#include "matrix/svd.h"

#include <lapacke.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "matrix/gram.h"
#include "nn/gemm.h"

enum { CHUNK = 256 }; /* rows rotated at a time */

struct gaussian {
    uint64_t key;
    int64_t n;
    float *x;
};

static void gaussian_shard(void *ctx, int64_t shard, int worker)
{
    (void)worker;
    const struct gaussian *g = ctx;
    int64_t first = shard << 14, end = min64(g->n, first + (1 << 14));
    for (int64_t i = first; i < end; i++) g->x[i] = (float)rng_normal(g->key, (uint64_t)i);
}

/* Replaces the columns of q [rows, l] by an orthonormal basis of a space that holds theirs (Householder QR). */
static void orthonormalise(int64_t rows, int64_t l, float *q)
{
    float *tau = xfloats((size_t)l);
    lapack_int m = (lapack_int)rows, n = (lapack_int)l;
    lapack_int bad = LAPACKE_sgeqrf(LAPACK_ROW_MAJOR, m, n, q, n, tau);
    if (!bad) bad = LAPACKE_sorgqr(LAPACK_ROW_MAJOR, m, n, n, q, n, tau);
    if (bad) die(EX_SOFTWARE, "QR decomposition of %lld x %lld failed (%d)", (long long)rows, (long long)l, (int)bad);
    free(tau);
}

struct rotation {
    int64_t rows, l, k;
    const float *w; /* [l, k] */
    float *z;       /* [rows, l]; the first k columns become z w */
};

static void rotate_shard(void *ctx, int64_t shard, int worker)
{
    (void)worker;
    const struct rotation *r = ctx;
    int64_t first = shard * CHUNK, rows = min64(CHUNK, r->rows - first);
    float *turned = xfloats((size_t)(rows * r->k));
    gemm_f32(false, false, rows, r->k, r->l, 1, r->z + first * r->l, r->w, 0, turned);
    for (int64_t i = 0; i < rows; i++)
        memcpy(r->z + (first + i) * r->l, turned + i * r->k, (size_t)r->k * sizeof(float));
    free(turned);
}

/* Turns z [rows, l] into [rows, k] = z w, in place; returns the smaller block. */
static float *rotate(int64_t rows, int64_t l, int64_t k, const float *w, float *z)
{
    struct rotation r = {rows, l, k, w, z};
    parallel_for((rows + CHUNK - 1) / CHUNK, rotate_shard, &r);
    for (int64_t i = 1; i < rows; i++) memmove(z + i * k, z + i * l, (size_t)k * sizeof(float));
    return xreallocarray(z, (size_t)(rows * k), sizeof(float));
}

/* Makes each vector's component of largest magnitude, the first of equals, positive: the decomposition leaves signs open. */
static void fix_signs(svd_t *d)
{
    float *best = xfloats((size_t)d->k);
    for (int64_t i = 0; i < d->cols; i++)
        for (int64_t j = 0; j < d->k; j++)
            if (fabsf(d->v[i * d->k + j]) > fabsf(best[j])) best[j] = d->v[i * d->k + j];
    for (int64_t j = 0; j < d->k; j++) best[j] = best[j] < 0 ? -1 : 1;
    for (int64_t i = 0; i < d->cols; i++)
        for (int64_t j = 0; j < d->k; j++) d->v[i * d->k + j] *= best[j];
    free(best);
}

/* Decomposes z = x^T q [cols, l], q orthonormal: z^T z = W diag(s^2) W^T and V = z W diag(1/s). Consumes z. */
static void decompose(svd_t *d, int64_t l, float *z)
{
    double *gram = gram_matrix(d->cols, l, z), *square = gram_eigen(l, gram);
    float *w = xfloats((size_t)(l * d->k));
    double floor = 1e-5 * sqrt(fmax(square[l - 1], 0));
    for (int64_t j = 0; j < d->k; j++) { /* eigenvalues ascend */
        double s = sqrt(fmax(square[l - 1 - j], 0));
        if (s <= floor) break;
        d->rank++;
        d->s[j] = s;
        for (int64_t i = 0; i < l; i++) w[i * d->k + j] = (float)(gram[i * l + (l - 1 - j)] / s);
    }
    d->v = rotate(d->cols, l, d->k, w, z);
    free(w);
    free(square);
    free(gram);
}

svd_t svd_truncated(const csr_t *x, const svd_options_t *o)
{
    gemm_init();
    int64_t l = min64(o->k + o->oversample, min64(x->rows, x->cols));
    svd_t d = {.cols = x->cols, .k = min64(o->k, l)};
    d.s = NEW_ARRAY(double, d.k);
    if (l <= 0) return d;

    csr_t xt = csr_transpose(x);
    float *q = xfloats(size_mul((size_t)x->rows, (size_t)l));
    float *z = xmalloc(size_mul(size_mul((size_t)x->cols, (size_t)l), sizeof(float)));
    struct gaussian g = {rng_stream(o->seed, "svd"), x->rows * l, q};
    parallel_for(((x->rows * l) >> 14) + 1, gaussian_shard, &g);
    for (int64_t i = 0; i <= o->iterations; i++) {
        csr_product(&xt, l, q, z);
        csr_product(x, l, z, q);
        orthonormalise(x->rows, l, q);
    }
    csr_product(&xt, l, q, z);
    free(q);
    csr_free(&xt);
    decompose(&d, l, z);
    fix_signs(&d);
    return d;
}

void svd_free(svd_t *d)
{
    free(d->s);
    free(d->v);
    *d = (svd_t){0};
}
