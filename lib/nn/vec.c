#include "nn/vec.h"

#include <math.h>

#include "base/simd.h"
#include "nn/fastmath.h"

enum { LANES = 16 };

SIMD_CLONES
float vec_dot(int64_t n, const float *a, const float *b)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) sum += a[i] * b[i];
    return sum;
}

SIMD_CLONES
void vec_add(int64_t n, const float *restrict x, float *restrict y)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) y[i] += x[i];
}

SIMD_CLONES
void vec_add_scaled(int64_t n, float w, const float *restrict x, float *restrict y)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) y[i] += w * x[i];
}

/* Works in lanes of its own making: without fast-math a compiler may not reorder a maximum of floats. */
SIMD_CLONES
float vec_max(int64_t n, const float *x)
{
    float lane[LANES];
    for (int j = 0; j < LANES; j++) lane[j] = x[0];
    int64_t i = 0;
    for (; i + LANES <= n; i += LANES)
        for (int j = 0; j < LANES; j++) lane[j] = x[i + j] > lane[j] ? x[i + j] : lane[j];
    for (; i < n; i++) lane[0] = x[i] > lane[0] ? x[i] : lane[0];
    for (int j = 1; j < LANES; j++) lane[0] = lane[j] > lane[0] ? lane[j] : lane[0];
    return lane[0];
}

SIMD_CLONES
float vec_exp_sum(int64_t n, float top, float *x)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) {
        x[i] = fast_exp(x[i] - top);
        sum += x[i];
    }
    return sum;
}

SIMD_CLONES
float vec_log_sum_exp(int64_t n, const float *x)
{
    float top = vec_max(n, x), sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < n; i++) sum += fast_exp(x[i] - top);
    return top + logf(sum);
}

void vec_to_length_one(int64_t n, float *x)
{
    double square = 0;
    for (int64_t i = 0; i < n; i++) square += (double)x[i] * (double)x[i];
    const float scale = square > 1e-10 ? (float)(1 / sqrt(square)) : 0;
    for (int64_t i = 0; i < n; i++) x[i] *= scale;
}
