/* Vectors of floats: the few loops that attention, the objective and the decoder share. */
#ifndef SIDMILL_NN_VEC_H
#define SIDMILL_NN_VEC_H

#include <stdint.h>

float vec_dot(int64_t n, const float *a, const float *b);

/* y += x. */
void vec_add(int64_t n, const float *x, float *y);

/* y += w x. */
void vec_add_scaled(int64_t n, float w, const float *x, float *y);

/* Scales x to length 1; a shorter x than 1e-5 becomes 0. */
void vec_to_length_one(int64_t n, float *x);

float vec_max(int64_t n, const float *x); /* n >= 1 */

/* x = exp(x - top), in place; returns the sum. */
float vec_exp_sum(int64_t n, float top, float *x);

/* log of the sum of exp(x), n >= 1. */
float vec_log_sum_exp(int64_t n, const float *x);

#endif
