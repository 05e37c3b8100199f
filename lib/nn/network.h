/* A model made ready for a backend: its weights as operands, its rotary tables (none where positions are learned: whoever makes
 * the input rows adds those). */
#ifndef SIDMILL_NN_NETWORK_H
#define SIDMILL_NN_NETWORK_H

#include <stdint.h>

#include "nn/attention.h"
#include "nn/backend.h"
#include "nn/head_norm.h"
#include "nn/model.h"
#include "nn/rope.h"
#include "nn/weights.h"

typedef struct {
    const model_t *model;
    const backend_t *backend;
    weights_t weights;
    rope_t rope;
    attention_shape_t attention;
} network_t;

/* `positions`: how far rotary tables reach; no segment, extensions included, may be longer. */
network_t *network_new(const model_t *m, const backend_t *b, int64_t positions);
void network_sync(network_t *net); /* takes over the model's weights after they changed */
void network_free(network_t *net);

/* A norm's gain. */
static inline const float *network_gain(const network_t *net, int block) { return params_values(&net->model->params, block); }

/* The norms of a layer's heads, of a family that has such. */
head_norm_t network_head_norm(const network_t *net, const model_layer_t *w);

/* Normalises the queries and keys of rows of qkv, where the family does; see head_norm_forward(). */
void network_normalise_heads(const network_t *net, const model_layer_t *w, int64_t rows, float *qkv, float *before, float *inv_rms);

#endif
