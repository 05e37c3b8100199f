#include "nn/attention.h"

#include <math.h>
#include <string.h>

#include "base/simd.h"
#include "data/st.h"
#include "nn/attention_rows.h"
#include "nn/vec.h"

int64_t attention_scratch(attention_shape_t s, int64_t longest) { return padded(longest) * (2 * s.head_dim + 2 * TOGETHER); }

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

/* Attends from `count` queries of head h, from `first` on; `keys` as columns, p scratch. */
static void queries_forward(attention_shape_t s, int64_t rows, int h, int64_t first, int count, const float *qkv, const float *keys,
                            const float *v, dropout_t drop, float *out, float *log_sum, float *p)
{
    const int64_t dim = s.head_dim, stride = qkv_width(s), width = padded(rows), out_stride = s.heads * dim;
    float *y = out + first * out_stride + h * dim;
    rows_dots(count, padded(first + count), width, dim, 1 / sqrtf((float)dim), qkv + first * stride + h * dim, stride, keys, p);
    for (int i = 0; i < count; i++) {
        const int64_t n = first + i + 1;
        log_sum[(first + i) * s.heads + h] = softmax(n, p + i * width);
        if (drop.threshold) drop_probabilities(n, drop, probability_index(s, h, first + i, rows), p + i * width);
    }
    rows_sum(count, first + 1, dim, stride, p, width, v, y, out_stride);
    for (int i = 1; i < count; i++) /* the keys that only the later queries see */
        rows_sum(1, i, dim, stride, p + i * width + first + 1, 0, v + (first + 1) * stride, y + i * out_stride, 0);
}

/* Counts the queries taken together from `first` on. */
static int taken(int64_t rows, int64_t first) { return rows - first < TOGETHER ? (int)(rows - first) : TOGETHER; }

void attention_forward(attention_shape_t s, int64_t rows, const float *qkv, dropout_t drop, float *out, float *log_sum,
                       float *scratch)
{
    const int64_t dim = s.head_dim, stride = qkv_width(s), width = padded(rows);
    float *keys = scratch, *p = keys + dim * width;
    memset(out, 0, (size_t)(rows * s.heads * dim) * sizeof(float));
    for (int kv = 0, h = 0; kv < s.kv_heads; kv++) {
        const float *k = qkv + (s.heads + kv) * dim, *v = k + s.kv_heads * dim;
        rows_transpose(rows, dim, stride, k, width, keys);
        for (int group = 0; group < s.heads / s.kv_heads; group++, h++)
            for (int64_t i = 0; i < rows; i += TOGETHER) queries_forward(s, rows, h, i, taken(rows, i), qkv, keys, v, drop, out, log_sum, p);
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

/* What attention_backward() works on, of one key-value head. */
typedef struct {
    attention_shape_t shape;
    int64_t rows, k_at, v_at;
    const float *qkv, *log_sum, *dout;
    dropout_t drop;
    float *dqkv, *keys, *values, *p, *ds; /* the last four scratch: columns; [TOGETHER, padded(rows)] */
} backward_t;

/* Takes back what queries_forward() did. */
static void queries_backward(const backward_t *b, int h, int64_t first, int count)
{
    const attention_shape_t s = b->shape;
    const int64_t dim = s.head_dim, stride = qkv_width(s), width = padded(b->rows), out_stride = s.heads * dim;
    const int64_t later = (first + 1) * stride;
    const float scale = 1 / sqrtf((float)dim), *q = b->qkv + first * stride + h * dim, *d = b->dout + first * out_stride + h * dim;
    const float *k = b->qkv + b->k_at;
    float *dq = b->dqkv + first * stride + h * dim, *dk = b->dqkv + b->k_at, *dv = b->dqkv + b->v_at;
    rows_dots(count, padded(first + count), width, dim, scale, q, stride, b->keys, b->p);
    rows_dots(count, padded(first + count), width, dim, 1, d, out_stride, b->values, b->ds);
    for (int i = 0; i < count; i++)
        softmax_backward(first + i + 1, b->log_sum[(first + i) * s.heads + h], scale, b->drop, probability_index(s, h, first + i, b->rows),
                         b->p + i * width, b->ds + i * width);
    rows_sum(count, first + 1, dim, stride, b->ds, width, k, dq, stride);
    rows_spread(count, first + 1, dim, stride, b->ds, width, q, stride, dk);
    rows_spread(count, first + 1, dim, stride, b->p, width, d, out_stride, dv);
    for (int i = 1; i < count; i++) { /* the keys that only the later queries see */
        const float *ds = b->ds + i * width + first + 1, *p = b->p + i * width + first + 1;
        rows_sum(1, i, dim, stride, ds, 0, k + later, dq + i * stride, 0);
        rows_spread(1, i, dim, stride, ds, 0, q + i * stride, 0, dk + later);
        rows_spread(1, i, dim, stride, p, 0, d + i * out_stride, 0, dv + later);
    }
}

void attention_backward(attention_shape_t s, int64_t rows, const float *qkv, const float *log_sum, const float *dout,
                        dropout_t drop, float *dqkv, float *scratch)
{
    const int64_t dim = s.head_dim, stride = qkv_width(s), width = padded(rows);
    memset(dqkv, 0, (size_t)(rows * stride) * sizeof(float));
    for (int kv = 0, h = 0; kv < s.kv_heads; kv++) {
        const int64_t k_at = (s.heads + kv) * dim, v_at = k_at + s.kv_heads * dim;
        float *keys = scratch, *values = keys + dim * width, *p = values + dim * width;
        const backward_t b = {s, rows, k_at, v_at, qkv, log_sum, dout, drop, dqkv, keys, values, p, p + TOGETHER * width};
        rows_transpose(rows, dim, stride, qkv + k_at, width, keys);
        rows_transpose(rows, dim, stride, qkv + v_at, width, values);
        for (int group = 0; group < s.heads / s.kv_heads; group++, h++)
            for (int64_t i = 0; i < rows; i += TOGETHER) queries_backward(&b, h, i, taken(rows, i));
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
        rows_sum(1, prefix_rows, dim, stride, scores, 0, prefix + v_at, out + h * dim, 0);
        for (int j = 0; j < extra; j++) rows_sum(1, 1, dim, stride, scores + prefix_rows + j, 0, extra_rows[j] + v_at, out + h * dim, 0);
        rows_sum(1, 1, dim, stride, scores + n - 1, 0, qkv + v_at, out + h * dim, 0);
    }
}

int64_t attention_cached_scratch(attention_shape_t s, int64_t longest)
{
    const int64_t width = padded(longest + ATTENTION_EXTRA + 1);
    return width * (3 * s.head_dim + TOGETHER);
}

/* Copies the keys or values of one head out of a cache; `rows` rows. */
static void read_cache(attention_shape_t s, int64_t rows, const uint16_t *cache, float *out)
{
    for (int64_t r = 0; r < rows; r++) st_floats_of_bf16(s.head_dim, cache + r * cache_width(s), out + r * s.head_dim);
}

void attention_extend_cached(attention_shape_t s, int64_t rows, const float *qkv, int64_t prefix_rows, const uint16_t *prefix, int extra,
                             const float *const *extra_rows, float *out, float *scratch)
{
    const int64_t dim = s.head_dim, stride = qkv_width(s), out_stride = s.heads * dim, n = prefix_rows + extra + 1, width = padded(n);
    const int group = s.heads / s.kv_heads;
    const float scale = 1 / sqrtf((float)dim);
    float *keys = scratch, *values = keys + width * dim, *columns = values + width * dim, *p = columns + width * dim;
    memset(out, 0, (size_t)(rows * out_stride) * sizeof(float));
    for (int h = 0; h < s.heads; h++) {
        const int64_t k_at = (s.heads + h / group) * dim, v_at = k_at + s.kv_heads * dim;
        if (h % group == 0) {
            read_cache(s, prefix_rows, prefix + h / group * dim, keys);
            read_cache(s, prefix_rows, prefix + (s.kv_heads + h / group) * dim, values);
            rows_transpose(prefix_rows, dim, dim, keys, width, columns);
        }
        for (int64_t first = 0; first < rows; first += TOGETHER) {
            const int count = taken(rows, first);
            const float *q = qkv + first * stride + h * dim, *const *above = extra_rows + first * extra;
            float *y = out + first * out_stride + h * dim;
            rows_dots(count, width, width, dim, scale, q, stride, columns, p);
            for (int i = 0; i < count; i++) { /* what each row sees besides */
                float *own = p + i * width + prefix_rows;
                for (int j = 0; j < extra; j++) own[j] = scale * vec_dot(dim, q + i * stride, above[i * extra + j] + k_at);
                own[extra] = scale * vec_dot(dim, q + i * stride, qkv + (first + i) * stride + k_at);
                softmax(n, p + i * width);
            }
            rows_sum(count, prefix_rows, dim, dim, p, width, values, y, out_stride);
            for (int i = 0; i < count; i++) {
                const float *own = p + i * width + prefix_rows;
                for (int j = 0; j < extra; j++) rows_sum(1, 1, dim, stride, own + j, 0, above[i * extra + j] + v_at, y + i * out_stride, 0);
                rows_sum(1, 1, dim, stride, own + extra, 0, qkv + (first + i) * stride + v_at, y + i * out_stride, 0);
            }
        }
    }
}

/* Adds what one key-value row gets, and what its key gives to dq. */
static void extend_row_backward(int64_t rows, int64_t dim, int64_t stride, const float *ds, const float *p, const float *q,
                                const float *d, const float *keys, float *dq, float *dkeys, float *dvalues)
{
    rows_sum(1, rows, dim, stride, ds, 0, keys, dq, 0);
    rows_spread(1, rows, dim, stride, ds, 0, q, 0, dkeys);
    rows_spread(1, rows, dim, stride, p, 0, d, 0, dvalues);
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
            rows_sum(1, prefix_rows, dim, stride, scores, 0, prefix + v_at, y, 0);
            rows_sum(1, i + 1, dim, stride, scores + prefix_rows, 0, qkv + v_at, y, 0);
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
            rows_sum(1, prefix_rows, dim, stride, ds, 0, prefix + k_at, dq, 0);
            rows_sum(1, i + 1, dim, stride, ds + prefix_rows, 0, qkv + k_at, dq, 0);
            rows_spread(1, prefix_rows, dim, stride, ds, 0, q, 0, dprefix + k_at);
            rows_spread(1, prefix_rows, dim, stride, p, 0, d, 0, dprefix + v_at);
            rows_spread(1, i + 1, dim, stride, ds + prefix_rows, 0, q, 0, dqkv + k_at);
            rows_spread(1, i + 1, dim, stride, p + prefix_rows, 0, d, 0, dqkv + v_at);
        }
    }
}
