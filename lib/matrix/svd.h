/* Randomised truncated SVD of a sparse matrix (Halko, Martinsson & Tropp 2011: randomised range finder with power iteration
 * and orthonormalisation), the same bytes for any number of threads. */
#ifndef SIDMILL_MATRIX_SVD_H
#define SIDMILL_MATRIX_SVD_H

#include <stdint.h>

#include "matrix/sparse.h"

typedef struct {
    int64_t k;          /* singular triples wanted, >= 1 */
    int64_t oversample; /* extra directions carried along; more are more accurate; usual: 10 to 32 */
    int64_t iterations; /* power iterations after the first pass; each sharpens the decay of the spectrum */
    uint64_t seed;
} svd_options_t;

/* X ~ U diag(s) V^T. U is not kept: row i of U diag(s) is row i of X V. */
typedef struct {
    int64_t cols;
    int64_t k;    /* as wanted, or fewer: at most the lesser of rows and columns */
    int64_t rank; /* triples found: fewer than k where the matrix has no more (singular values above 1e-5 of the largest) */
    double *s;    /* [k] singular values, descending; 0 beyond rank */
    float *v;     /* [cols, k] right singular vectors as columns, each with its largest component positive; 0 beyond rank */
} svd_t;

/* Calls gemm_init() itself. Most of the time goes into 2 (iterations + 1) + 1 products of X or its transpose with k +
 * oversample columns. */
svd_t svd_truncated(const csr_t *x, const svd_options_t *o);
void svd_free(svd_t *d);

#endif
