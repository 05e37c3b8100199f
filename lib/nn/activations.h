/* What a pass through a transformer leaves behind, for the backward and for extensions (nn/transformer.h). One for each worker. */
#ifndef SIDMILL_NN_ACTIVATIONS_H
#define SIDMILL_NN_ACTIVATIONS_H

#include <stdint.h>

#include "nn/backend.h"
#include "nn/network.h"

/* For inference all layers share what only a backward would look at again, and there is room for steps; a training pass takes no
 * steps. A pass that is only to be read, with neither backward nor steps behind it, keeps nothing of a layer. */
typedef enum { PASS_TRAIN, PASS_INFER, PASS_READ } activations_pass_t;

/* Of one layer. */
typedef struct {
    float *x_in, *x_mid;          /* [rows, d] residual stream before attention and before the MLP */
    float *inv_rms1, *inv_rms2;   /* [rows] */
    operand_t *norm1, *norm2;     /* [rows, d] */
    float *qkv;                   /* [rows, width], rotated */
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
    float *wide, *narrow, *dx;       /* scratch [rows, max(2 f, width)], [rows, max(d, f, heads * head_dim)]; gradient stream */
    operand_t *packed;               /* scratch operand [rows, max(2 f, width)] */
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
