/* Rows of a transformer's pass that wait for states of others, because their input is made of those: they go through in waves, behind
 * what is there (nn/transformer.h); and how such rows attend. */
#ifndef SIDMILL_NN_WAVE_H
#define SIDMILL_NN_WAVE_H

#include <stdint.h>

#include "nn/attention.h"

/* A row stands behind `prefix_rows` rows of the pass from row `prefix` on, then behind a chain of at most ATTENTION_EXTRA waves' rows
 * that ends with row `above` (-1: none), all numbered as in the activations; rows of one wave may stand behind one another. */
typedef struct {
    int64_t prefix, prefix_rows, above;
} wave_row_t;

/* Rows first .. first + rows, `first` a round number of the backend's; row [..] tells of all waves' rows by their number. */
typedef struct {
    int64_t first, rows;
    const wave_row_t *row;
} wave_t;

/* The position of a row: how many it stands behind. */
int64_t wave_position(const wave_t *w, int64_t row);

/* Attention of a wave's rows over qkv [all rows of the activations, qkv_width]: out [rows, heads * head_dim] of the wave's, log_sum
 * [all rows, heads]. `scores` as in attention_extend(). */
void wave_attention_forward(attention_shape_t s, const wave_t *w, const float *qkv, float *out, float *log_sum, float *scores);

/* Adds to dqkv [all rows, qkv_width], of the wave's rows and of all that they stand behind, from dout of the wave's. */
void wave_attention_backward(attention_shape_t s, const wave_t *w, const float *qkv, const float *log_sum, const float *dout, float *dqkv,
                             float *scores);

#endif
