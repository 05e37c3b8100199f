#include "nn/head_norm.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "nn/ops.h"

void head_norm_forward(const head_norm_t *n, int64_t rows, float *qkv, float *before, float *inv_rms)
{
    const attention_shape_t s = n->shape;
    const int64_t width = head_norm_width(s), heads = s.heads + s.kv_heads;
    for (int64_t r = 0; r < rows; r++) {
        float *x = qkv + r * qkv_width(s), *inv = inv_rms ? inv_rms + r * heads : NULL;
        if (before) memcpy(before + r * width, x, (size_t)width * sizeof *x);
        rmsnorm_rows(s.heads, s.head_dim, n->eps, x, n->q_gain, inv, x);
        rmsnorm_rows(s.kv_heads, s.head_dim, n->eps, x + s.heads * s.head_dim, n->k_gain, inv ? inv + s.heads : NULL,
                     x + s.heads * s.head_dim);
    }
}

void head_norm_backward(const head_norm_t *n, int64_t rows, const float *before, const float *inv_rms, float *dqkv, float *dq_gain,
                        float *dk_gain)
{
    const attention_shape_t s = n->shape;
    const int64_t width = head_norm_width(s), q = s.heads * s.head_dim, heads = s.heads + s.kv_heads;
    float *dy = xfloats((size_t)width);
    for (int64_t r = 0; r < rows; r++) {
        float *dx = dqkv + r * qkv_width(s);
        memcpy(dy, dx, (size_t)width * sizeof *dx);
        memset(dx, 0, (size_t)width * sizeof *dx);
        rmsnorm_backward(s.heads, s.head_dim, before + r * width, n->q_gain, inv_rms + r * heads, dy, dx, dq_gain);
        rmsnorm_backward(s.kv_heads, s.head_dim, before + r * width + q, n->k_gain, inv_rms + r * heads + s.heads, dy + q, dx + q, dk_gain);
    }
    free(dy);
}
