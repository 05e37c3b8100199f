/* What a pass through a transformer leaves behind, for the backward and for extensions (nn/transformer.h). One for each worker. */
#ifndef SIDMILL_NN_ACTIVATIONS_H
#define SIDMILL_NN_ACTIVATIONS_H

#include <stdbool.h>
#include <stdint.h>

#include "nn/backend.h"
#include "nn/network.h"

/* What is kept of the layers. With d = hidden_size, q = heads * head_dim, w = q + 2 kv_heads * head_dim, f = intermediate_size and operands
 * that are floats (of 16 bits: 2 d + q + f count half), one layer's own is about ONE = rows (4 d + q + w + 3 f) floats, and there are
 *   PASS_TRAIN         layers ONE: all that the backward looks at
 *   PASS_TRAIN_LAYERS  ONE + layers rows d: their input rows. The backward goes through each layer but the last once more before it takes it
 *                      back (gradient checkpointing: Chen et al. 2016, arXiv 1604.06174); the bits are the same, as dropout's masks are made
 *                      again from their keys. That is 0.7 of a forward more. No waves
 *   PASS_INFER         ONE + layers rows w: keys and values. No backward; there is room for steps
 *   PASS_INFER_16      ONE + layers rows (w - q) / 2: the same in 16 bits (BF16), for steps alone; the pass itself computes in floats. No waves
 *   PASS_READ          ONE: nothing. Neither backward nor steps nor waves
 * and scratch, rows 4 d, for training rows (4 d + w + 3 f), and what linear_scratch() says of the widest product. */
typedef enum { PASS_TRAIN, PASS_TRAIN_LAYERS, PASS_INFER, PASS_INFER_16, PASS_READ } activations_pass_t;

/* Whether a backward may follow. */
static inline bool pass_trains(activations_pass_t pass) { return pass == PASS_TRAIN || pass == PASS_TRAIN_LAYERS; }

/* Bytes of what a pass that trains keeps of its layers, about. */
size_t activations_kept(const network_t *net, activations_pass_t pass, int64_t rows);

/* Of one layer; layers share what the pass does not keep of each. */
typedef struct {
    float *x_in, *x_mid;          /* [rows, d] residual stream before attention and before the MLP */
    float *inv_rms1, *inv_rms2;   /* [rows] */
    operand_t *norm1, *norm2;     /* [rows, d] */
    float *qkv;                   /* [rows, width], rotated */
    uint16_t *cache;              /* [rows, cache_width] keys and values in 16 bits; NULL: qkv has them */
    float *raw, *inv_rms_heads;   /* [rows, head_norm_width], [rows, heads + kv_heads] before heads were normalised; NULL: they are not */
    float *log_sum;               /* [rows, heads] */
    operand_t *attended;          /* [rows, heads * head_dim] */
    float *gate_up;               /* [rows, 2 f] */
    operand_t *act;               /* [rows, f] */
    float *dqkv;                  /* [rows, width] gradient that has reached qkv so far; NULL: no waves are taken back */
} layer_acts_t;

/* Its members are for what goes through (nn/layer.h, nn/attend.h, nn/extension.h) and for nobody else. */
typedef struct {
    activations_pass_t pass;
    int64_t capacity, step_capacity, longest, layers;
    layer_acts_t *layer;
    float *x_out, *inv_rms, *hidden; /* final residual stream, its norm, the result */
    operand_t *hidden_packed;
    float *wide, *narrow, *dx;       /* scratch, as wide as the pass and its steps need; gradient stream */
    operand_t *packed;               /* scratch operand, likewise */
    float *scratch;                  /* attention's */
    void *inner;                     /* of low-rank pairs; NULL: there are none */
} activations_t;

/* Space for up to `rows` rows in segments of up to `longest` rows, a branch's parent counted in; and for steps of up to `step_rows` rows. */
activations_t *activations_new(const network_t *net, activations_pass_t pass, int64_t rows, int64_t longest, int64_t step_rows);
void activations_free(activations_t *a);

/* The input rows [rows, hidden_size], to be filled before the forward; after the backward, activations_input_grad() holds
 * their gradient. */
float *activations_input(activations_t *a);
const float *activations_input_grad(const activations_t *a);

/* A layer's rows from `first` on. */
layer_acts_t activations_layer(const network_t *net, const activations_t *a, int64_t layer, int64_t first);

/* Zeroes the gradients that waves will leave at the first `rows` rows of every layer. */
void activations_begin_waves(const network_t *net, activations_t *a, int64_t rows);

#endif
