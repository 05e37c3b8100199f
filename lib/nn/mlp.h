/* A multi-layer perceptron, ReLU between its layers, over a model's parameters in floats: the weights' backend must be f32. */
#ifndef SIDMILL_NN_MLP_H
#define SIDMILL_NN_MLP_H

#include <stdint.h>

#include "nn/linear.h"

enum { MLP_MAX_LAYERS = 8 };

typedef struct {
    int layers;                        /* 0: the identity */
    int64_t width[MLP_MAX_LAYERS + 1]; /* layer l maps width[l] to width[l + 1] */
    linear_t layer[MLP_MAX_LAYERS];    /* with bias; their blocks lie one after the other */
    int64_t hidden;                    /* floats of activations per row, the result included */
} mlp_t;

/* Appends a network of `layers` layers, width[0 .. layers]: blocks NAME.0.weight, NAME.0.bias, NAME.1.weight, ... */
mlp_t mlp_add(params_t *params, const char *name, int layers, const int64_t *width);

/* Makes matrices normal with variance 2 / in (He et al. 2015), the last one 1 / in; biases zero. */
void mlp_init(const mlp_t *m, const params_t *params, uint64_t key);

/* Computes x [rows, width[0]] -> the result [rows, width[layers]], which lies in `acts` [rows * hidden] and is returned. With no
 * layers, returns x. */
const float *mlp_forward(const mlp_t *m, const weights_t *w, int64_t rows, const float *x, float *acts);

/* Given dout, the gradient of the result, and the forward's acts: adds the parameters' gradients to `grads` and writes the
 * input's to dx [rows, width[0]] where not NULL. `scratch` [2 * rows * widest layer]. */
void mlp_backward(const mlp_t *m, const weights_t *w, int64_t rows, const float *x, const float *acts, const float *dout,
                  float *dx, grads_t *grads, float *scratch);

int64_t mlp_widest(const mlp_t *m);

#endif
