/* Sparse matrices by rows (CSR) and their products with dense ones, in parallel over rows: bytes never depend on the number
 * of threads. */
#ifndef SIDMILL_MATRIX_SPARSE_H
#define SIDMILL_MATRIX_SPARSE_H

#include <stdint.h>

typedef struct {
    int64_t rows, cols;
    int64_t *offsets; /* [rows + 1] into index and value */
    int32_t *index;   /* column of each element; a row's columns need no order but are distinct */
    float *value;
} csr_t;

/* The transpose, its rows' elements in ascending order of column. */
csr_t csr_transpose(const csr_t *x);

/* y [rows, k] = x b, b dense [cols, k]. Of several ranks each takes a block of rows; all then have all. */
void csr_product(const csr_t *x, int64_t k, const float *b, float *y);

/* Sum of the squares of all elements. */
double csr_sum_squares(const csr_t *x);

void csr_free(csr_t *x);

#endif
