/* Gram matrices in double precision, the same bytes for any number of threads. */
#ifndef SIDMILL_MATRIX_GRAM_H
#define SIDMILL_MATRIX_GRAM_H

#include <stdint.h>

/* Upper triangle of z^T z [l, l], z [rows, l]. Caller frees. */
double *gram_matrix(int64_t rows, int64_t l, const float *z);

/* Eigenvalues [n], ascending, of the symmetric matrix whose upper triangle `a` [n, n] holds; `a` becomes its eigenvectors as
 * columns. Caller frees. */
double *gram_eigen(int64_t n, double *a);

#endif
