/* Inline functions that the compiler can vectorise inside SIMD_CLONES loops. */
#ifndef SIDMILL_NN_FASTMATH_H
#define SIDMILL_NN_FASTMATH_H

#include <stdint.h>
#include <string.h>

/* exp(x), relative error below 2.5e-7 for |x| <= 87; 0 or huge beyond. Range reduction by ln 2 in two parts, then a degree-6
 * Taylor polynomial on [-ln2/2, ln2/2]. */
static inline float fast_exp(float x)
{
    x = x < -87.0f ? -87.0f : x;
    x = x > 88.0f ? 88.0f : x;
    float t = x * 1.44269504f + 12582912.0f; /* adding 1.5 * 2^23 rounds to an integer */
    int32_t n;
    memcpy(&n, &t, sizeof n);
    float k = t - 12582912.0f;
    float r = x - k * 0.693359375f + k * 2.12194440e-4f;
    float p = 1.0f / 720;
    p = p * r + 1.0f / 120;
    p = p * r + 1.0f / 24;
    p = p * r + 1.0f / 6;
    p = p * r + 0.5f;
    p = p * r + 1.0f;
    p = p * r + 1.0f;
    int32_t bits = (int32_t)((uint32_t)(n + 127) << 23);
    float scale;
    memcpy(&scale, &bits, sizeof scale);
    return p * scale;
}

static inline float fast_sigmoid(float x) { return 1.0f / (1.0f + fast_exp(-x)); }

/* erf(x), absolute error below 5e-7 (Abramowitz & Stegun 1964, 7.1.26). */
static inline float fast_erf(float x)
{
    float u = x < 0 ? -x : x, t = 1 / (1 + 0.3275911f * u);
    float p = 1.061405429f;
    p = p * t - 1.453152027f;
    p = p * t + 1.421413741f;
    p = p * t - 0.284496736f;
    p = p * t + 0.254829592f;
    float y = 1 - p * t * fast_exp(-u * u);
    return x < 0 ? -y : y;
}

/* A dropout site: elements are kept where a hash of (key, element number) reaches the threshold, and scaled by 1 / keep.
 * The hash is the 32-bit finaliser of MurmurHash3. */
typedef struct {
    uint32_t key, threshold;
    float scale; /* 1 and threshold 0: no dropout */
} dropout_t;

static inline float dropout_factor(dropout_t d, uint32_t i)
{
    uint32_t h = i * 0x9e3779b1u ^ d.key;
    h = (h ^ (h >> 16)) * 0x85ebca6bu;
    h = (h ^ (h >> 13)) * 0xc2b2ae35u;
    h ^= h >> 16;
    return h >= d.threshold ? d.scale : 0.0f;
}

#endif
