/* A linear layer over a model's parameters: y = x W^T + b + s (x A^T) B^T, with an optional bias b [out] and optional low-rank
 * pairs A [rank, in], B [columns, rank] (LoRA: Hu et al. 2021), each on its own columns of y, so that W can stay frozen while the
 * pairs train. */
#ifndef SIDMILL_NN_LINEAR_H
#define SIDMILL_NN_LINEAR_H

#include <stdint.h>

#include "nn/grads.h"
#include "nn/weights.h"

enum { LINEAR_PAIRS = 3 }; /* of a layer at most: as many as matrices are one product */

/* A low-rank pair, on columns [first, first + out) of its layer. */
typedef struct {
    int64_t first, out, rank;
    int down, up;          /* blocks of A and B */
    float scale;           /* s */
} linear_pair_t;

typedef struct {
    int64_t in, out;
    int weight, bias;      /* blocks [out, in] and [out]; bias -1: none */
    linear_pair_t pair[LINEAR_PAIRS];
    int pairs;
    int64_t widest;        /* elements of the largest matrix, where they lie in a file; 0: in memory */
} linear_t;

/* A layer on block `weight`, and on those that follow it where several matrices with the same input are one product of `out`
 * columns; `bias` -1: none. A bias is read as floats: it must not be among what weights_release() frees. Matrices that
 * are mapped (nn/params.h), all of a layer's or none, are products of their own, and the layer is to be told, once they are there. */
linear_t linear_on(int64_t in, int64_t out, int weight, int bias);
void linear_set_mapped(linear_t *l, const params_t *params);

/* Appends a low-rank pair NAME.lora_A.weight, NAME.lora_B.weight on columns [first, first + out); and, once there is memory, fills
 * it: A normal with variance 1 / in, B zero, so that the layer starts as it was and both learn. */
void linear_add_pair(linear_t *l, params_t *params, const char *name, int64_t first, int64_t out, int64_t rank, float scale);
void linear_init_pair(const linear_t *l, int pair, const params_t *params, uint64_t stream);

/* Bytes of scratch that `rows` rows take, forwards or backwards; 0 without a pair or mapped weights. */
size_t linear_scratch(const linear_t *l, int64_t rows);

/* Lets go of the memory of weights that lie in a file, until they are looked at again. */
void linear_release(const linear_t *l, const params_t *params);

/* y [rows, out] = the layer's value at x [rows, in]. `scratch` as linear_scratch() says; NULL where that is 0. */
void linear_forward(const linear_t *l, const weights_t *w, int64_t rows, const operand_t *x, float *y, void *scratch);

/* Given dy [rows, out], as an operand and, where there is a bias, in floats as well (else NULL): adds the gradients of what is
 * not frozen to `grads`, and writes that of x to dx [rows, in] where not NULL. Same x as the forward's. */
void linear_backward(const linear_t *l, const weights_t *w, int64_t rows, const operand_t *x, const operand_t *dy,
                     const float *dy_floats, float *dx, grads_t *grads, void *scratch);

#endif
