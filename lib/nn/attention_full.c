#include <math.h>

#include "nn/attention.h"
#include "nn/gemm.h"
#include "nn/vec.h"

enum { BLOCK = 128 }; /* queries at a time, so that their scores stay in the cache */

int64_t attention_full_scratch(int64_t rows) { return (rows < BLOCK ? rows : BLOCK) * rows; }

static void softmax_rows(int64_t rows, int64_t n, float *p)
{
    for (int64_t r = 0; r < rows; r++) {
        float *row = p + r * n, inv = 1 / vec_exp_sum(n, vec_max(n, row), row);
        for (int64_t j = 0; j < n; j++) row[j] *= inv;
    }
}

void attention_full_forward(attention_shape_t s, int64_t queries, int64_t rows, const float *qkv, float *out, float *scratch)
{
    const int64_t dim = s.head_dim, stride = qkv_width(s), out_stride = s.heads * dim;
    const float scale = 1 / sqrtf((float)dim);
    for (int h = 0; h < s.heads; h++) {
        const float *k = qkv + (s.heads + h * s.kv_heads / s.heads) * dim, *v = k + s.kv_heads * dim;
        for (int64_t i = 0; i < queries; i += BLOCK) {
            int64_t m = queries - i < BLOCK ? queries - i : BLOCK;
            gemm_f32_strided(false, true, m, rows, dim, scale, qkv + i * stride + h * dim, stride, k, stride, 0, scratch, rows);
            softmax_rows(m, rows, scratch);
            gemm_f32_strided(false, false, m, dim, rows, 1, scratch, rows, v, stride, 0, out + i * out_stride + h * dim,
                             out_stride);
        }
    }
}
