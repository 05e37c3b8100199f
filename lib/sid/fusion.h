/* Fusion of text and image before quantisation (CMSA: DeepInterestGR, arXiv 2604.20861; sidmill-methods(7), 1.6):
 *   e_vis = W_v v,   e_mm = W_f [e_text ; e_vis],
 * two matrices without bias or activation, in floats. An item without an image has v = 0. */
#ifndef SIDMILL_SID_FUSION_H
#define SIDMILL_SID_FUSION_H

#include <stdint.h>

#include "nn/linear.h"

typedef struct {
    int64_t text, image, fused; /* Dt, Dv, D; image 0: no fusion, and D = Dt */
    linear_t visual;            /* W_v [Dt, Dv] */
    linear_t fuse;              /* W_f [D, 2 Dt] */
    int64_t hidden;             /* floats of activations per row */
} fusion_t;

/* Appends a fusion: blocks fusion.visual.weight, fusion.weight; none where `image` is 0. */
fusion_t fusion_add(params_t *params, int64_t text, int64_t image, int64_t fused);

/* Makes W_v normal with variance 1 / Dt, so that |e_vis| is about |v|, and W_f a one in each column, at row (column mod D), and
 * zeros: the identity for D = 2 Dt, e_text + e_vis for D = Dt. */
void fusion_init(const fusion_t *f, const params_t *params, uint64_t key);

/* Fuses rows x [rows, Dt + Dv], each [e_text ; v] -> e_mm [rows, D], which lies in `acts` [rows * hidden] and is returned.
 * Without fusion returns x. */
const float *fusion_forward(const fusion_t *f, const weights_t *w, int64_t rows, const float *x, float *acts);

/* Given the gradient of e_mm and the forward's acts: adds the matrices' gradients to `grads`. */
void fusion_backward(const fusion_t *f, const weights_t *w, int64_t rows, const float *acts, const float *dfused, grads_t *grads);

#endif
