/* Grouped-query attention (Ainslie et al. 2023; Vaswani et al. 2017): causal over packed segments and over a shared cache, and
 * without a mask. */
#ifndef SIDMILL_NN_ATTENTION_H
#define SIDMILL_NN_ATTENTION_H

#include <stdint.h>

#include "nn/fastmath.h"

/* A row of qkv is [heads q | kv_heads k | kv_heads v], each head_dim wide; query head h reads key head h * kv_heads / heads. */
typedef struct {
    int heads, kv_heads;
    int64_t head_dim;
} attention_shape_t;

static inline int64_t qkv_width(attention_shape_t s) { return (s.heads + 2 * s.kv_heads) * s.head_dim; }

/* Floats of scratch space that the segment functions need for segments of up to `longest` rows. */
int64_t attention_scratch(attention_shape_t s, int64_t longest);

/* One segment of `rows` rows, each attending to itself and what precedes it: out [rows, heads * head_dim];
 * log_sum [rows, heads] = log of the softmax denominators, kept for the backward. Dropout applies to the probabilities. */
void attention_forward(attention_shape_t s, int64_t rows, const float *qkv, dropout_t drop, float *out, float *log_sum,
                       float *scratch);

/* dqkv [rows, qkv_width] (overwritten) from dout [rows, heads * head_dim]. */
void attention_backward(attention_shape_t s, int64_t rows, const float *qkv, const float *log_sum, const float *dout,
                        dropout_t drop, float *dqkv, float *scratch);

/* A branch: `rows` rows that continue a prefix of `prefix_rows` rows of qkv which they share with other branches. Each attends to
 * the whole prefix, to the branch's rows before it and to itself. `scores` holds prefix_rows + rows floats, for the backward
 * twice as many. No dropout. */
void attention_branch_forward(attention_shape_t s, int64_t prefix_rows, const float *prefix, int64_t rows, const float *qkv,
                              float *out, float *log_sum, float *scores);

/* dqkv [rows, qkv_width] is overwritten; what reaches the prefix's keys and values is added to dprefix. */
void attention_branch_backward(attention_shape_t s, int64_t prefix_rows, const float *prefix, int64_t rows, const float *qkv,
                               const float *log_sum, const float *dout, float *dqkv, float *dprefix, float *scores);

enum { ATTENTION_EXTRA = 64 }; /* rows given by address, at most */

/* One new row against `prefix_rows` rows of qkv that precede it, `extra` further rows given by address, ATTENTION_EXTRA at most (each a whole qkv row),
 * and itself: out [heads * head_dim], log_sum [heads] unless NULL. `scores` holds prefix_rows + extra + 1 floats, for the backward twice
 * as many. No dropout. */
void attention_extend(attention_shape_t s, const float *qkv, int64_t prefix_rows, const float *prefix, int extra,
                      const float *const *extra_rows, float *out, float *log_sum, float *scores);

/* Keys and values in 16 bits (BF16): a row of a cache is [kv_heads k | kv_heads v]. */
static inline int64_t cache_width(attention_shape_t s) { return 2 * s.kv_heads * s.head_dim; }

/* What attention_extend() computes, for `rows` new rows with one prefix [prefix_rows, cache_width], read once for all of them; row r's
 * further rows are extra_rows[r * extra + ..]. out [rows, heads * head_dim]; attention_cached_scratch() says how many floats of scratch that
 * takes where prefixes have up to `longest` rows. */
int64_t attention_cached_scratch(attention_shape_t s, int64_t longest);
void attention_extend_cached(attention_shape_t s, int64_t rows, const float *qkv, int64_t prefix_rows, const uint16_t *prefix, int extra,
                             const float *const *extra_rows, float *out, float *scratch);

/* Adds to dqkv of the row, to dprefix, and to the extra rows' gradients, given by address. */
void attention_extend_backward(attention_shape_t s, const float *qkv, int64_t prefix_rows, const float *prefix, int extra,
                               const float *const *extra_rows, const float *log_sum, const float *dout, float *dqkv, float *dprefix,
                               float *const *dextra, float *scores);

/* Floats of scratch space for attention_full_forward() over `rows` rows. */
int64_t attention_full_scratch(int64_t rows);

/* The first `queries` of `rows` rows, each attending to all rows: out [queries, heads * head_dim]. */
void attention_full_forward(attention_shape_t s, int64_t queries, int64_t rows, const float *qkv, float *out, float *scratch);

#endif
