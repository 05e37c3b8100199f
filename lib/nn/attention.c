#include "nn/attention.h"

#include <math.h>
#include <string.h>

#include "base/simd.h"
#include "nn/vec.h"

enum { LANES = 16 }; /* row lengths are padded to this, so that vector loops have no tails */

static int64_t padded(int64_t n) { return (n + LANES - 1) / LANES * LANES; }

int64_t attention_scratch(attention_shape_t s, int64_t longest) { return padded(longest) * (2 * s.head_dim + 3); }

/* Turns `rows` strided rows into columns [dim, padded(rows)], zero beyond them, so that dot_columns() reads along memory. */
static void transpose(int64_t rows, int64_t dim, int64_t stride, const float *x, float *columns)
{
    int64_t width = padded(rows);
    memset(columns, 0, (size_t)(dim * width) * sizeof(float));
    for (int64_t r = 0; r < rows; r++)
        for (int64_t d = 0; d < dim; d++) columns[d * width + r] = x[r * stride + d];
}

/* Computes out[j] = scale * sum_d x[d] columns[d][j] for j in [0, n), n a multiple of LANES. */
SIMD_CLONES
static void dot_columns(int64_t n, int64_t width, int64_t dim, float scale, const float *restrict x,
                        const float *restrict columns, float *restrict out)
{
    for (int64_t j0 = 0; j0 < n; j0 += LANES) {
        float sum[LANES] = {0};
        for (int64_t d = 0; d < dim; d++) {
            float xd = x[d];
            const float *c = columns + d * width + j0;
#pragma omp simd
            for (int j = 0; j < LANES; j++) sum[j] += xd * c[j];
        }
        for (int j = 0; j < LANES; j++) out[j0 + j] = scale * sum[j];
    }
}

/* Adds sum_j w[j] rows[j], rows strided, to y[0..dim). */
SIMD_CLONES
static void add_rows(int64_t n, int64_t dim, int64_t stride, const float *restrict w, const float *restrict rows,
                     float *restrict y)
{
    for (int64_t j = 0; j < n; j++) {
        float wj = w[j];
        const float *r = rows + j * stride;
#pragma omp simd
        for (int64_t d = 0; d < dim; d++) y[d] += wj * r[d];
    }
}

/* Adds w[j] * y to every rows[j], rows strided. */
SIMD_CLONES
static void add_outer(int64_t n, int64_t dim, int64_t stride, const float *restrict w, const float *restrict y,
                      float *restrict rows)
{
    for (int64_t j = 0; j < n; j++) {
        float wj = w[j];
        float *r = rows + j * stride;
#pragma omp simd
        for (int64_t d = 0; d < dim; d++) r[d] += wj * y[d];
    }
}

/* Takes the softmax of s[0..n) in place; returns the log of its denominator, from which the backward finds it again. */
static float softmax(int64_t n, float *s)
{
    float top = vec_max(n, s), sum = vec_exp_sum(n, top, s), inv = 1 / sum;
    for (int64_t j = 0; j < n; j++) s[j] *= inv;
    return top + logf(sum);
}

SIMD_CLONES
static void drop_probabilities(int64_t n, dropout_t drop, uint32_t first, float *p)
{
#pragma omp simd
    for (int64_t j = 0; j < n; j++) p[j] *= dropout_factor(drop, first + (uint32_t)j);
}

/* Numbers the probabilities of a segment for dropout: every (head, query) pair has its own run of keys. */
static uint32_t probability_index(attention_shape_t s, int head, int64_t query, int64_t rows)
{
    return (uint32_t)((query * s.heads + head) * rows);
}

void attention_forward(attention_shape_t s, int64_t rows, const float *qkv, dropout_t drop, float *out, float *log_sum,
                       float *scratch)
{
    const int64_t dim = s.head_dim, stride = qkv_width(s), width = padded(rows), out_stride = s.heads * dim;
    const float scale = 1 / sqrtf((float)dim);
    float *keys = scratch, *p = keys + dim * width;
    memset(out, 0, (size_t)(rows * out_stride) * sizeof(float));
    for (int kv = 0, h = 0; kv < s.kv_heads; kv++) {
        const float *k = qkv + (s.heads + kv) * dim, *v = k + s.kv_heads * dim;
        transpose(rows, dim, stride, k, keys);
        for (int group = 0; group < s.heads / s.kv_heads; group++, h++)
            for (int64_t i = 0; i < rows; i++) {
                dot_columns(padded(i + 1), width, dim, scale, qkv + i * stride + h * dim, keys, p);
                log_sum[i * s.heads + h] = softmax(i + 1, p);
                if (drop.threshold) drop_probabilities(i + 1, drop, probability_index(s, h, i, rows), p);
                add_rows(i + 1, dim, stride, p, v, out + i * out_stride + h * dim);
            }
    }
}

/* Turns ds = dout . v into the gradient of the scores p, dropout included; `p` becomes the dropped probabilities. */
SIMD_CLONES
static void softmax_backward(int64_t n, float log_sum, float scale, dropout_t drop, uint32_t first, float *restrict p,
                             float *restrict ds)
{
    float dot = 0;
#pragma omp simd reduction(+ : dot)
    for (int64_t j = 0; j < n; j++) {
        float factor = dropout_factor(drop, first + (uint32_t)j), pj = fast_exp(p[j] - log_sum);
        ds[j] *= factor;
        dot += pj * ds[j];
        p[j] = pj;
    }
#pragma omp simd
    for (int64_t j = 0; j < n; j++) {
        ds[j] = scale * p[j] * (ds[j] - dot);
        p[j] *= dropout_factor(drop, first + (uint32_t)j);
    }
}

void attention_backward(attention_shape_t s, int64_t rows, const float *qkv, const float *log_sum, const float *dout,
                        dropout_t drop, float *dqkv, float *scratch)
{
    const int64_t dim = s.head_dim, stride = qkv_width(s), width = padded(rows), out_stride = s.heads * dim;
    const float scale = 1 / sqrtf((float)dim);
    float *keys = scratch, *values = keys + dim * width, *p = values + dim * width, *ds = p + width;
    memset(dqkv, 0, (size_t)(rows * stride) * sizeof(float));
    for (int kv = 0, h = 0; kv < s.kv_heads; kv++) {
        const int64_t k_at = (s.heads + kv) * dim, v_at = k_at + s.kv_heads * dim;
        transpose(rows, dim, stride, qkv + k_at, keys);
        transpose(rows, dim, stride, qkv + v_at, values);
        for (int group = 0; group < s.heads / s.kv_heads; group++, h++)
            for (int64_t i = 0; i < rows; i++) {
                const float *q = qkv + i * stride + h * dim, *d = dout + i * out_stride + h * dim;
                dot_columns(padded(i + 1), width, dim, scale, q, keys, p);
                dot_columns(padded(i + 1), width, dim, 1, d, values, ds);
                softmax_backward(i + 1, log_sum[i * s.heads + h], scale, drop, probability_index(s, h, i, rows), p, ds);
                add_rows(i + 1, dim, stride, ds, qkv + k_at, dqkv + i * stride + h * dim);
                add_outer(i + 1, dim, stride, ds, q, dqkv + k_at);
                add_outer(i + 1, dim, stride, p, d, dqkv + v_at);
            }
    }
}

/* Computes scale * q . k of a prefix's rows, the extra ones and the row itself. */
static void extend_dots(int64_t prefix_rows, const float *prefix, int extra, const float *const *extra_rows, const float *self,
                        int64_t at, int64_t dim, int64_t stride, float scale, const float *q, float *scores)
{
    for (int64_t j = 0; j < prefix_rows; j++) scores[j] = scale * vec_dot(dim, q, prefix + j * stride + at);
    for (int j = 0; j < extra; j++) scores[prefix_rows + j] = scale * vec_dot(dim, q, extra_rows[j] + at);
    scores[prefix_rows + extra] = scale * vec_dot(dim, q, self + at);
}

void attention_extend(attention_shape_t s, const float *qkv, int64_t prefix_rows, const float *prefix, int extra,
                      const float *const *extra_rows, float *out, float *log_sum, float *scores)
{
    const int64_t dim = s.head_dim, stride = qkv_width(s), n = prefix_rows + extra + 1;
    const float scale = 1 / sqrtf((float)dim);
    memset(out, 0, (size_t)(s.heads * dim) * sizeof(float));
    for (int h = 0; h < s.heads; h++) {
        const int64_t k_at = (s.heads + h * s.kv_heads / s.heads) * dim, v_at = k_at + s.kv_heads * dim;
        extend_dots(prefix_rows, prefix, extra, extra_rows, qkv, k_at, dim, stride, scale, qkv + h * dim, scores);
        const float sum = softmax(n, scores);
        if (log_sum) log_sum[h] = sum;
        add_rows(prefix_rows, dim, stride, scores, prefix + v_at, out + h * dim);
        for (int j = 0; j < extra; j++) add_rows(1, dim, stride, scores + prefix_rows + j, extra_rows[j] + v_at, out + h * dim);
        add_rows(1, dim, stride, scores + n - 1, qkv + v_at, out + h * dim);
    }
}

/* Adds what one key-value row gets, and what its key gives to dq. */
static void extend_row_backward(int64_t rows, int64_t dim, int64_t stride, const float *ds, const float *p, const float *q,
                                const float *d, const float *keys, float *dq, float *dkeys, float *dvalues)
{
    add_rows(rows, dim, stride, ds, keys, dq);
    add_outer(rows, dim, stride, ds, q, dkeys);
    add_outer(rows, dim, stride, p, d, dvalues);
}

void attention_extend_backward(attention_shape_t s, const float *qkv, int64_t prefix_rows, const float *prefix, int extra,
                               const float *const *extra_rows, const float *log_sum, const float *dout, float *dqkv, float *dprefix,
                               float *const *dextra, float *scores)
{
    const int64_t dim = s.head_dim, stride = qkv_width(s), n = prefix_rows + extra + 1;
    const float scale = 1 / sqrtf((float)dim);
    const dropout_t none = {0, 0, 1};
    float *p = scores, *ds = scores + n;
    for (int h = 0; h < s.heads; h++) {
        const int64_t k_at = (s.heads + h * s.kv_heads / s.heads) * dim, v_at = k_at + s.kv_heads * dim;
        const float *q = qkv + h * dim, *d = dout + h * dim;
        float *dq = dqkv + h * dim;
        extend_dots(prefix_rows, prefix, extra, extra_rows, qkv, k_at, dim, stride, scale, q, p);
        extend_dots(prefix_rows, prefix, extra, extra_rows, qkv, v_at, dim, stride, 1, d, ds);
        softmax_backward(n, log_sum[h], scale, none, 0, p, ds);
        extend_row_backward(prefix_rows, dim, stride, ds, p, q, d, prefix + k_at, dq, dprefix + k_at, dprefix + v_at);
        for (int j = 0, at = (int)prefix_rows; j < extra; j++, at++)
            extend_row_backward(1, dim, stride, ds + at, p + at, q, d, extra_rows[j] + k_at, dq, dextra[j] + k_at, dextra[j] + v_at);
        extend_row_backward(1, dim, stride, ds + n - 1, p + n - 1, q, d, qkv + k_at, dq, dqkv + k_at, dqkv + v_at);
    }
}

/* Computes scale * q . k of a prefix's rows, then of a branch's first n. */
static void branch_dots(int64_t prefix_rows, const float *prefix, int64_t n, const float *own, int64_t dim, int64_t stride,
                        float scale, const float *q, float *scores)
{
    for (int64_t j = 0; j < prefix_rows; j++) scores[j] = scale * vec_dot(dim, q, prefix + j * stride);
    for (int64_t j = 0; j < n; j++) scores[prefix_rows + j] = scale * vec_dot(dim, q, own + j * stride);
}

void attention_branch_forward(attention_shape_t s, int64_t prefix_rows, const float *prefix, int64_t rows, const float *qkv,
                              float *out, float *log_sum, float *scores)
{
    const int64_t dim = s.head_dim, stride = qkv_width(s), out_stride = s.heads * dim;
    const float scale = 1 / sqrtf((float)dim);
    memset(out, 0, (size_t)(rows * out_stride) * sizeof(float));
    for (int h = 0; h < s.heads; h++) {
        const int64_t k_at = (s.heads + h * s.kv_heads / s.heads) * dim, v_at = k_at + s.kv_heads * dim;
        for (int64_t i = 0; i < rows; i++) {
            float *y = out + i * out_stride + h * dim;
            branch_dots(prefix_rows, prefix + k_at, i + 1, qkv + k_at, dim, stride, scale, qkv + i * stride + h * dim, scores);
            log_sum[i * s.heads + h] = softmax(prefix_rows + i + 1, scores);
            add_rows(prefix_rows, dim, stride, scores, prefix + v_at, y);
            add_rows(i + 1, dim, stride, scores + prefix_rows, qkv + v_at, y);
        }
    }
}

void attention_branch_backward(attention_shape_t s, int64_t prefix_rows, const float *prefix, int64_t rows, const float *qkv,
                               const float *log_sum, const float *dout, float *dqkv, float *dprefix, float *scores)
{
    const int64_t dim = s.head_dim, stride = qkv_width(s), out_stride = s.heads * dim;
    const float scale = 1 / sqrtf((float)dim);
    const dropout_t none = {0, 0, 1};
    float *p = scores, *ds = scores + prefix_rows + rows;
    memset(dqkv, 0, (size_t)(rows * stride) * sizeof(float));
    for (int h = 0; h < s.heads; h++) {
        const int64_t k_at = (s.heads + h * s.kv_heads / s.heads) * dim, v_at = k_at + s.kv_heads * dim;
        for (int64_t i = 0; i < rows; i++) {
            const float *q = qkv + i * stride + h * dim, *d = dout + i * out_stride + h * dim;
            float *dq = dqkv + i * stride + h * dim;
            branch_dots(prefix_rows, prefix + k_at, i + 1, qkv + k_at, dim, stride, scale, q, p);
            branch_dots(prefix_rows, prefix + v_at, i + 1, qkv + v_at, dim, stride, 1, d, ds);
            softmax_backward(prefix_rows + i + 1, log_sum[i * s.heads + h], scale, none, 0, p, ds);
            add_rows(prefix_rows, dim, stride, ds, prefix + k_at, dq);
            add_rows(i + 1, dim, stride, ds + prefix_rows, qkv + k_at, dq);
            add_outer(prefix_rows, dim, stride, ds, q, dprefix + k_at);
            add_outer(prefix_rows, dim, stride, p, d, dprefix + v_at);
            add_outer(i + 1, dim, stride, ds + prefix_rows, q, dqkv + k_at);
            add_outer(i + 1, dim, stride, p + prefix_rows, d, dqkv + v_at);
        }
    }
}
