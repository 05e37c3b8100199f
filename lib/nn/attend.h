/* Attention of a span's rows in one layer, from what the product gave to what was attended to, and back. */
#ifndef SIDMILL_NN_ATTEND_H
#define SIDMILL_NN_ATTEND_H

#include "nn/activations.h"
#include "nn/grads.h"
#include "nn/span.h"

/* Normalises and rotates queries and keys of l->qkv, the layer's rows from the span's first on, in place, and leaves in a->narrow
 * [rows, heads * head_dim] what they attend to, zero beyond the rows in use. */
void attend_forward(const network_t *net, activations_t *a, const span_t *p, layer_acts_t *l, int64_t layer);

/* Takes a->narrow, the gradient of that, to the gradient of qkv as its product gave it, in a->wide; adds those of the heads' gains. */
void attend_backward(const network_t *net, activations_t *a, const span_t *p, const layer_acts_t *l, int64_t layer, grads_t *grads);

#endif
