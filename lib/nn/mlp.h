/* A multi-layer perceptron, ReLU between its layers, over a flat array of parameters. */
#ifndef SIDMILL_NN_MLP_H
#define SIDMILL_NN_MLP_H

#include <stdint.h>

enum { MLP_MAX_LAYERS = 8 };

/* Layer l maps width[l] to width[l + 1]: matrix [out, in] at weight[l], then its bias [out] at bias[l]. */
typedef struct {
    int layers; /* 0: the identity */
    int64_t width[MLP_MAX_LAYERS + 1];
    int64_t weight[MLP_MAX_LAYERS], bias[MLP_MAX_LAYERS]; /* offsets into the flat array */
    int64_t begin, end;                                   /* the part of the flat array that is this network's */
    int64_t hidden;                                       /* floats of activations per row, the result included */
} mlp_t;

/* Lays out a network of `layers` layers, width[0 .. layers], from offset `begin`. */
mlp_t mlp_make(int layers, const int64_t *width, int64_t begin);

/* Matrices normal with variance 2 / in (He et al. 2015), the last one 1 / in; biases zero. */
void mlp_init(const mlp_t *m, float *params, uint64_t key);

/* x [rows, width[0]] -> the result [rows, width[layers]], which lies in `acts` [rows * hidden] and is returned. With no
 * layers, returns x. */
const float *mlp_forward(const mlp_t *m, const float *params, int64_t rows, const float *x, float *acts);

/* Given dout, the gradient of the result, and the forward's acts: adds the parameters' gradients to `grads` (flat, as params)
 * and writes the input's to dx [rows, width[0]] where not NULL. `scratch` [2 * rows * widest layer]. */
void mlp_backward(const mlp_t *m, const float *params, int64_t rows, const float *x, const float *acts, const float *dout, float *grads,
                  float *dx, float *scratch);

int64_t mlp_widest(const mlp_t *m);

#endif
