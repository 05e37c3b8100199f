#include "nn/ops.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "base/simd.h"

enum { BLOCK = 512 }; /* floats converted at a time, so that they are still in the first cache */

dropout_t dropout_site(double p, uint64_t key, uint64_t site)
{
    if (p <= 0) return (dropout_t){0, 0, 1};
    return (dropout_t){(uint32_t)rng_u64(key, site), (uint32_t)(p * 4294967296.0), (float)(1 / (1 - p))};
}

SIMD_CLONES
static float norm_row(int64_t d, float eps, const float *x, const float *gain, float *y)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < d; i++) sum += x[i] * x[i];
    float inv = 1 / sqrtf(sum / (float)d + eps);
#pragma omp simd
    for (int64_t i = 0; i < d; i++) y[i] = x[i] * inv * gain[i];
    return inv;
}

void rmsnorm_rows(int64_t rows, int64_t d, float eps, const float *x, const float *gain, float *inv_rms, float *y)
{
    for (int64_t r = 0; r < rows; r++) {
        const float inv = norm_row(d, eps, x + r * d, gain, y + r * d);
        if (inv_rms) inv_rms[r] = inv;
    }
}

void rmsnorm_forward(const backend_t *b, int64_t rows, int64_t d, float eps, const float *x, const float *gain, float *inv_rms,
                     operand_t *packed, float *y)
{
    float *row = y ? NULL : xreallocarray(NULL, (size_t)d, sizeof *row);
    for (int64_t r = 0; r < rows; r++) {
        float *out = y ? y + r * d : row;
        inv_rms[r] = norm_row(d, eps, x + r * d, gain, out);
        b->pack(out, d, operand_at(b, packed, r * d));
    }
    free(row);
}

SIMD_CLONES
static void norm_row_backward(int64_t d, const float *restrict x, const float *restrict gain, float inv, const float *restrict dy,
                              float *restrict dx, float *restrict dgain)
{
    float dot = 0;
#pragma omp simd reduction(+ : dot)
    for (int64_t i = 0; i < d; i++) dot += dy[i] * gain[i] * x[i];
    float c = dot * inv * inv * inv / (float)d;
#pragma omp simd
    for (int64_t i = 0; i < d; i++) dx[i] += dy[i] * gain[i] * inv - x[i] * c;
    if (!dgain) return;
#pragma omp simd
    for (int64_t i = 0; i < d; i++) dgain[i] += dy[i] * x[i] * inv;
}

void rmsnorm_backward(int64_t rows, int64_t d, const float *x, const float *gain, const float *inv_rms, const float *dy,
                      float *dx, float *dgain)
{
    for (int64_t r = 0; r < rows; r++) norm_row_backward(d, x + r * d, gain, inv_rms[r], dy + r * d, dx + r * d, dgain);
}

SIMD_CLONES
static void layernorm_row(int64_t d, float eps, const float *x, const float *gain, const float *bias, float *y)
{
    float sum = 0, squares = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < d; i++) sum += x[i];
    const float mean = sum / (float)d;
#pragma omp simd reduction(+ : squares)
    for (int64_t i = 0; i < d; i++) squares += (x[i] - mean) * (x[i] - mean);
    const float inv = 1 / sqrtf(squares / (float)d + eps);
#pragma omp simd
    for (int64_t i = 0; i < d; i++) y[i] = (x[i] - mean) * inv * gain[i] + bias[i];
}

void layernorm_forward(const backend_t *b, int64_t rows, int64_t d, float eps, const float *x, const float *gain,
                       const float *bias, operand_t *packed, float *y)
{
    float *row = y ? NULL : xreallocarray(NULL, (size_t)d, sizeof *row);
    for (int64_t r = 0; r < rows; r++) {
        float *out = y ? y + r * d : row;
        layernorm_row(d, eps, x + r * d, gain, bias, out);
        if (packed) b->pack(out, d, operand_at(b, packed, r * d));
    }
    free(row);
}

SIMD_CLONES
void bias_forward(int64_t rows, int64_t n, const float *restrict bias, const float *restrict y, float *restrict x)
{
    for (int64_t r = 0; r < rows; r++) {
        float *to = x + r * n;
        if (y)
#pragma omp simd
            for (int64_t i = 0; i < n; i++) to[i] += y[r * n + i] + bias[i];
        else
#pragma omp simd
            for (int64_t i = 0; i < n; i++) to[i] += bias[i];
    }
}

SIMD_CLONES
static void gelu_row(int64_t n, const float *restrict x, const float *restrict bias, float *restrict act)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float v = x[i] + bias[i];
        act[i] = 0.5f * v * (1 + fast_erf(v * 0.70710678f));
    }
}

SIMD_CLONES
static void quick_gelu_row(int64_t n, const float *restrict x, const float *restrict bias, float *restrict act)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float v = x[i] + bias[i];
        act[i] = v * fast_sigmoid(1.702f * v);
    }
}

void bias_activation_forward(const backend_t *b, activation_t activation, int64_t rows, int64_t n, const float *bias,
                             const float *x, operand_t *act)
{
    float block[BLOCK];
    for (int64_t r = 0; r < rows; r++)
        for (int64_t i = 0; i < n; i += BLOCK) {
            int64_t len = n - i < BLOCK ? n - i : BLOCK;
            (activation == ACT_GELU ? gelu_row : quick_gelu_row)(len, x + r * n + i, bias + i, block);
            b->pack(block, len, operand_at(b, act, r * n + i));
        }
}

SIMD_CLONES
void dropout_scale(int64_t n, dropout_t drop, float *x)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) x[i] *= dropout_factor(drop, (uint32_t)i);
}

SIMD_CLONES
void residual_dropout_forward(int64_t n, const float *x, const float *y, dropout_t drop, float *out)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) out[i] = x[i] + y[i] * dropout_factor(drop, (uint32_t)i);
}

SIMD_CLONES
static void drop_row(int64_t n, int64_t first, const float *restrict dx, dropout_t drop, float *restrict out)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) out[i] = dx[i] * dropout_factor(drop, (uint32_t)(first + i));
}

void dropout_backward_pack(const backend_t *b, int64_t rows, int64_t d, const float *dx, dropout_t drop, operand_t *packed)
{
    float block[BLOCK];
    for (int64_t i = 0, n = rows * d; i < n; i += BLOCK) {
        int64_t len = n - i < BLOCK ? n - i : BLOCK;
        drop_row(len, i, dx + i, drop, block);
        b->pack(block, len, operand_at(b, packed, i));
    }
}

SIMD_CLONES
static void swiglu_row(int64_t f, const float *restrict gate, const float *restrict up, float *restrict act)
{
#pragma omp simd
    for (int64_t i = 0; i < f; i++) act[i] = gate[i] * fast_sigmoid(gate[i]) * up[i];
}

void swiglu_forward(const backend_t *b, int64_t rows, int64_t f, const float *gate_up, operand_t *act)
{
    float block[BLOCK];
    for (int64_t r = 0; r < rows; r++) {
        const float *gate = gate_up + r * 2 * f;
        for (int64_t i = 0; i < f; i += BLOCK) {
            int64_t len = f - i < BLOCK ? f - i : BLOCK;
            swiglu_row(len, gate + i, gate + f + i, block);
            b->pack(block, len, operand_at(b, act, r * f + i));
        }
    }
}

SIMD_CLONES
static void swiglu_row_backward(int64_t f, const float *restrict gate, const float *restrict up, const float *restrict dact,
                                float *restrict dgate, float *restrict dup)
{
#pragma omp simd
    for (int64_t i = 0; i < f; i++) {
        float s = fast_sigmoid(gate[i]);
        dup[i] = dact[i] * gate[i] * s;
        dgate[i] = dact[i] * up[i] * s * (1 + gate[i] * (1 - s));
    }
}

void swiglu_backward(const backend_t *b, int64_t rows, int64_t f, const float *gate_up, const float *dact, operand_t *dgate_up)
{
    float dgate[BLOCK], dup[BLOCK];
    for (int64_t r = 0; r < rows; r++) {
        const float *gate = gate_up + r * 2 * f;
        for (int64_t i = 0; i < f; i += BLOCK) {
            int64_t len = f - i < BLOCK ? f - i : BLOCK;
            swiglu_row_backward(len, gate + i, gate + f + i, dact + r * f + i, dgate, dup);
            b->pack(dgate, len, operand_at(b, dgate_up, r * 2 * f + i));
            b->pack(dup, len, operand_at(b, dgate_up, r * 2 * f + f + i));
        }
    }
}
