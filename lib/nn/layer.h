/* One layer of a transformer over a span's rows: attention and MLP, each behind a norm and beside the residual stream. */
#ifndef SIDMILL_NN_LAYER_H
#define SIDMILL_NN_LAYER_H

#include "nn/activations.h"
#include "nn/grads.h"
#include "nn/span.h"

/* Takes the layer's input rows (x_in) to x_out [rows, hidden_size]. */
void layer_forward(const network_t *net, activations_t *a, const span_t *p, int64_t layer, float *x_out);

/* Makes again, from x_in, what layer_forward() left for the backward: the same bits, without x_out. */
void layer_again(const network_t *net, activations_t *a, const span_t *p, int64_t layer);

/* Turns the span's rows of a->dx from the gradient of the layer's output into that of its input, and adds the parameters' to `grads`. */
void layer_backward(const network_t *net, activations_t *a, const span_t *p, int64_t layer, grads_t *grads);

#endif
