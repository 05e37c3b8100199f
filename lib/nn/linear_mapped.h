/* The products of a linear layer whose matrices lie in a file, each by itself (nn/linear.h's own). */
#ifndef SIDMILL_NN_LINEAR_MAPPED_H
#define SIDMILL_NN_LINEAR_MAPPED_H

#include <stdint.h>

#include "nn/weights.h"

/* Matrices [.., in] from block `first` on, one below the other, `out` rows in all; the largest has `widest` elements. */
typedef struct {
    int64_t in, out, widest;
    int first;
} mapped_t;

mapped_t mapped_on(const params_t *params, int64_t in, int64_t out, int first);

/* Lets go of the memory that the products took for the file's pages. */
void mapped_release(const mapped_t *m, const params_t *params);

/* Floats of scratch: one matrix while it is converted, to floats and from those to operands. */
size_t mapped_scratch(const mapped_t *m);

/* y [rows, out] = x W^T. */
void mapped_forward(const mapped_t *m, const weights_t *w, int64_t rows, const operand_t *x, float *y, float *scratch);

/* dx [rows, in] = dy W. */
void mapped_backward(const mapped_t *m, const weights_t *w, int64_t rows, const operand_t *dy, float *dx, float *scratch);

#endif
