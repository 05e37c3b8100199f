/* RMSNorm over each head's query and key, with one gain for all queries and one for all keys of a layer (Henry et al. 2020, arXiv
 * 2010.04245; Qwen3). */
#ifndef SIDMILL_NN_HEAD_NORM_H
#define SIDMILL_NN_HEAD_NORM_H

#include <stdint.h>

#include "nn/attention.h"

typedef struct {
    attention_shape_t shape;
    float eps;
    const float *q_gain, *k_gain; /* [head_dim] each */
} head_norm_t;

/* Floats of a row's queries and keys together. */
static inline int64_t head_norm_width(attention_shape_t s) { return (s.heads + s.kv_heads) * s.head_dim; }

/* Normalises the queries and keys of every row, qkv [rows, qkv_width], in place. For the backward, unless NULL: what they were, `before`
 * [rows, head_norm_width], and inv_rms [rows, heads + kv_heads]. */
void head_norm_forward(const head_norm_t *n, int64_t rows, float *qkv, float *before, float *inv_rms);

/* Turns the gradient of what was normalised into that of what went in, in place, dqkv [rows, qkv_width]; dq_gain and dk_gain [head_dim]
 * grow by theirs, where not NULL. */
void head_norm_backward(const head_norm_t *n, int64_t rows, const float *before, const float *inv_rms, float *dqkv, float *dq_gain,
                        float *dk_gain);

#endif
