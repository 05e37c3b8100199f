/* Rotary positions (Su et al. 2021, arXiv 2104.09864). */
#ifndef SIDMILL_NN_ROPE_H
#define SIDMILL_NN_ROPE_H

#include <stdbool.h>
#include <stdint.h>

/* Llama 3.1's scaling of frequencies to longer texts than a model was first trained on, under the keys of its config.json. Wavelengths
 * beyond original / low_freq_factor grow by `factor`, those below original / high_freq_factor stay, and those between are in between. */
typedef struct {
    double factor; /* 0: no scaling */
    double low_freq_factor, high_freq_factor;
    int64_t original_max_position_embeddings;
} rope_scaling_t;

/* Tables of cos and sin [positions, head_dim / 2] each, in the half-split layout of Hugging Face: pairs (i, i + head_dim / 2). */
typedef struct {
    int64_t positions, half;
    float *cos, *sin;
} rope_t;

rope_t rope_make(int64_t positions, int64_t head_dim, double theta, rope_scaling_t scaling);
void rope_free(rope_t *r);

/* Rotates `heads` heads of one row at `position`, in place; `inverse` rotates back (the backward). */
void rope_row(const rope_t *r, int64_t position, int heads, bool inverse, float *x);

#endif
