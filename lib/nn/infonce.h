/* InfoNCE (van den Oord et al. 2018, arXiv 1807.03748, equation 4), by cosine: row x_i is to be nearer to its own key than to all
 * others,
 *
 *     L_i = log sum_j exp(cos(x_i, k_j) / tau) - cos(x_i, k_own(i)) / tau */
#ifndef SIDMILL_NN_INFONCE_H
#define SIDMILL_NN_INFONCE_H

#include <stdint.h>

#include "nn/backend.h"

typedef struct {
    int64_t n, count, width;  /* rows, keys */
    const float *x;           /* [n, width] */
    const float *keys;        /* [count, width], each of length 1, or 0: a constant, that gets no gradient */
    const int32_t *own;       /* [n] */
    const int32_t *label;     /* [count] others with the label of a row's own key are left out; NULL: all differ */
    double temperature;       /* tau */
} infonce_pass_t;

/* Scratch for one worker, for up to `rows` rows, `keys` keys, and this width. */
typedef struct infonce infonce_t;
infonce_t *infonce_new(const backend_t *b, int64_t rows, int64_t keys, int64_t width);
void infonce_free(infonce_t *s);

/* Returns the sum of the losses, and adds weight times its gradient to dx [n, width]. */
double infonce_backward(infonce_t *s, const infonce_pass_t *p, double weight, float *dx);

#endif
