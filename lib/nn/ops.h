/* The transformer's row-wise operations, each a forward and a backward over plain arrays. Arrays are row-major and dense.
 * Forwards whose result is only a matrix operand write it in the backend's element type. */
#ifndef SIDMILL_NN_OPS_H
#define SIDMILL_NN_OPS_H

#include <stdint.h>

#include "nn/backend.h"
#include "nn/fastmath.h"

/* A dropout site for rate p in [0, 1), keyed by (key, site): the same site gives the same mask forwards and backwards. */
dropout_t dropout_site(double p, uint64_t key, uint64_t site);

/* RMSNorm (Zhang & Sennrich 2019): y = x / sqrt(mean(x^2) + eps) * gain, per row of x [rows, d]; y may be x.
 * inv_rms [rows] is kept for the backward. The result goes to `packed` and, where not NULL, to `y` in f32. */
void rmsnorm_forward(const backend_t *b, int64_t rows, int64_t d, float eps, const float *x, const float *gain, float *inv_rms,
                     operand_t *packed, float *y);

/* The same in f32 alone; inv_rms may be NULL. */
void rmsnorm_rows(int64_t rows, int64_t d, float eps, const float *x, const float *gain, float *inv_rms, float *y);

/* dx += the gradient through the norm; dgain [d] += its gradient, where not NULL. dy, x, dx: [rows, d]. */
void rmsnorm_backward(int64_t rows, int64_t d, const float *x, const float *gain, const float *inv_rms, const float *dy,
                      float *dx, float *dgain);

/* LayerNorm (Ba et al. 2016): y = (x - mean) / sqrt(variance + eps) * gain + bias, per row of x [rows, d]; y may be x. The
 * result goes to `packed` and to `y` in f32, where not NULL. */
void layernorm_forward(const backend_t *b, int64_t rows, int64_t d, float eps, const float *x, const float *gain,
                       const float *bias, operand_t *packed, float *y);

/* x [rows, n] += bias [n] in every row; with y [rows, n] not NULL, x += y + bias: a residual connection. */
void bias_forward(int64_t rows, int64_t n, const float *bias, const float *y, float *x);

/* GELU (Hendrycks & Gimpel 2016): x Phi(x); quick GELU: x sigmoid(1.702 x), theirs as well. */
typedef enum { ACT_GELU, ACT_QUICK_GELU } activation_t;

/* act = activation(x + bias), x [rows, n]. */
void bias_activation_forward(const backend_t *b, activation_t activation, int64_t rows, int64_t n, const float *bias,
                             const float *x, operand_t *act);

/* x = dropout(x), and the gradient through it, in place over n. */
void dropout_scale(int64_t n, dropout_t drop, float *x);

/* out = x + dropout(y), elementwise over n; out may be x. */
void residual_dropout_forward(int64_t n, const float *x, const float *y, dropout_t drop, float *out);

/* packed = dropout'(dx): the gradient that reaches the branch. */
void dropout_backward_pack(const backend_t *b, int64_t rows, int64_t d, const float *dx, dropout_t drop, operand_t *packed);

/* SwiGLU (Shazeer 2020): act = silu(gate) * up, with gate_up [rows, 2 f] = [gate | up]. */
void swiglu_forward(const backend_t *b, int64_t rows, int64_t f, const float *gate_up, operand_t *act);

/* d gate_up [rows, 2 f], packed, from dact [rows, f]. */
void swiglu_backward(const backend_t *b, int64_t rows, int64_t f, const float *gate_up, const float *dact, operand_t *dgate_up);

#endif
