#include "nn/rope.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/simd.h"

/* The frequency that takes the place of `f`. */
static double scaled(double f, rope_scaling_t s)
{
    if (s.factor <= 0) return f;
    const double turns = (double)s.original_max_position_embeddings * f / (2 * M_PI); /* in the original length */
    const double kept = (turns - s.low_freq_factor) / (s.high_freq_factor - s.low_freq_factor);
    return kept >= 1 ? f : kept <= 0 ? f / s.factor : (1 - kept) * f / s.factor + kept * f;
}

rope_t rope_make(int64_t positions, int64_t head_dim, double theta, rope_scaling_t scaling)
{
    rope_t r = {.positions = positions, .half = head_dim / 2};
    r.cos = xfloats(size_mul((size_t)positions, (size_t)r.half));
    r.sin = xfloats(size_mul((size_t)positions, (size_t)r.half));
    for (int64_t i = 0; i < r.half; i++) {
        const double frequency = scaled(pow(theta, -2.0 * (double)i / (double)head_dim), scaling);
        for (int64_t p = 0; p < positions; p++) {
            r.cos[p * r.half + i] = (float)cos((double)p * frequency);
            r.sin[p * r.half + i] = (float)sin((double)p * frequency);
        }
    }
    return r;
}

void rope_free(rope_t *r)
{
    free(r->cos);
    free(r->sin);
}

SIMD_CLONES
static void rotate(int64_t half, const float *restrict c, const float *restrict s, float sign, float *restrict a,
                   float *restrict b)
{
#pragma omp simd
    for (int64_t i = 0; i < half; i++) {
        float u = a[i], v = b[i], t = sign * s[i];
        a[i] = u * c[i] - v * t;
        b[i] = v * c[i] + u * t;
    }
}

void rope_row(const rope_t *r, int64_t position, int heads, bool inverse, float *x)
{
    const float *c = r->cos + position * r->half, *s = r->sin + position * r->half;
    for (int h = 0; h < heads; h++) rotate(r->half, c, s, inverse ? -1 : 1, x + 2 * r->half * h, x + 2 * r->half * h + r->half);
}
