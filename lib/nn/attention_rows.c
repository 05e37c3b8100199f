#include "nn/attention_rows.h"

#include <string.h>

#include "base/simd.h"

#define INLINE static inline __attribute__((always_inline))

void rows_transpose(int64_t rows, int64_t dim, int64_t stride, const float *x, int64_t width, float *columns)
{
    memset(columns, 0, (size_t)(dim * width) * sizeof(float));
    for (int64_t r = 0; r < rows; r++)
        for (int64_t d = 0; d < dim; d++) columns[d * width + r] = x[r * stride + d];
}

/* Computes the dots of `queries` rows of x with `lanes` columns, in registers. */
INLINE void dots(int queries, int lanes, int64_t width, int64_t dim, float scale, const float *restrict x, int64_t x_stride,
                 const float *restrict c, float *restrict out)
{
    float sum[TOGETHER][2 * LANES] = {0};
    for (int64_t d = 0; d < dim; d++)
        for (int q = 0; q < queries; q++) {
            const float xd = x[q * x_stride + d];
#pragma omp simd
            for (int j = 0; j < lanes; j++) sum[q][j] += xd * c[d * width + j];
        }
    for (int q = 0; q < queries; q++)
        for (int j = 0; j < lanes; j++) out[q * width + j] = scale * sum[q][j];
}

INLINE void all_dots(int queries, int64_t n, int64_t width, int64_t dim, float scale, const float *x, int64_t x_stride, const float *columns,
                     float *out)
{
    int64_t j = 0;
    for (; j + 2 * LANES <= n; j += 2 * LANES) dots(queries, 2 * LANES, width, dim, scale, x, x_stride, columns + j, out + j);
    if (j < n) dots(queries, LANES, width, dim, scale, x, x_stride, columns + j, out + j);
}

SIMD_CLONES
void rows_dots(int count, int64_t n, int64_t width, int64_t dim, float scale, const float *x, int64_t x_stride, const float *columns,
               float *out)
{
    if (count == TOGETHER) all_dots(TOGETHER, n, width, dim, scale, x, x_stride, columns, out);
    else for (int i = 0; i < count; i++) all_dots(1, n, width, dim, scale, x + i * x_stride, 0, columns, out + i * width);
}

/* Adds the weighed rows to `queries` rows of y, 2 * LANES of their elements, in registers. */
INLINE void sums(int queries, int64_t n, int64_t stride, const float *restrict w, int64_t width, const float *restrict rows,
                 float *restrict y, int64_t y_stride)
{
    float sum[TOGETHER][2 * LANES];
    for (int q = 0; q < queries; q++)
        for (int d = 0; d < 2 * LANES; d++) sum[q][d] = y[q * y_stride + d];
    for (int64_t j = 0; j < n; j++)
        for (int q = 0; q < queries; q++) {
            const float wj = w[q * width + j];
#pragma omp simd
            for (int d = 0; d < 2 * LANES; d++) sum[q][d] += wj * rows[j * stride + d];
        }
    for (int q = 0; q < queries; q++)
        for (int d = 0; d < 2 * LANES; d++) y[q * y_stride + d] = sum[q][d];
}

/* Adds them to one row of y, of any length. */
INLINE void sum_tail(int64_t n, int64_t dim, int64_t stride, const float *restrict w, const float *restrict rows, float *restrict y)
{
    for (int64_t j = 0; j < n; j++) {
        const float wj = w[j];
        const float *r = rows + j * stride;
#pragma omp simd
        for (int64_t d = 0; d < dim; d++) y[d] += wj * r[d];
    }
}

INLINE void all_sums(int queries, int64_t n, int64_t dim, int64_t stride, const float *w, int64_t width, const float *rows, float *y,
                     int64_t y_stride)
{
    int64_t d = 0;
    for (; d + 2 * LANES <= dim; d += 2 * LANES) sums(queries, n, stride, w, width, rows + d, y + d, y_stride);
    for (int q = 0; d < dim && q < queries; q++) sum_tail(n, dim - d, stride, w + q * width, rows + d, y + q * y_stride + d);
}

SIMD_CLONES
void rows_sum(int count, int64_t n, int64_t dim, int64_t stride, const float *w, int64_t width, const float *rows, float *y, int64_t y_stride)
{
    if (count == TOGETHER) all_sums(TOGETHER, n, dim, stride, w, width, rows, y, y_stride);
    else for (int i = 0; i < count; i++) all_sums(1, n, dim, stride, w + i * width, 0, rows, y + i * y_stride, 0);
}

/* Adds what one row of y spreads to every row. */
INLINE void spread(int64_t n, int64_t dim, int64_t stride, const float *restrict w, const float *restrict y, float *restrict rows)
{
    for (int64_t j = 0; j < n; j++) {
        const float wj = w[j];
        float *r = rows + j * stride;
#pragma omp simd
        for (int64_t d = 0; d < dim; d++) r[d] += wj * y[d];
    }
}

/* Adds what TOGETHER rows of y spread, in their order. */
INLINE void spread_together(int64_t n, int64_t dim, int64_t stride, const float *restrict w, int64_t width, const float *restrict y,
                            int64_t y_stride, float *restrict rows)
{
    _Static_assert(TOGETHER == 4, "as many as are written out below");
    const float *restrict y1 = y + y_stride, *restrict y2 = y1 + y_stride, *restrict y3 = y2 + y_stride;
    for (int64_t j = 0; j < n; j++) {
        const float w0 = w[j], w1 = w[width + j], w2 = w[2 * width + j], w3 = w[3 * width + j];
        float *r = rows + j * stride;
#pragma omp simd
        for (int64_t d = 0; d < dim; d++) r[d] = r[d] + w0 * y[d] + w1 * y1[d] + w2 * y2[d] + w3 * y3[d];
    }
}

SIMD_CLONES
void rows_spread(int count, int64_t n, int64_t dim, int64_t stride, const float *w, int64_t width, const float *y, int64_t y_stride,
                 float *rows)
{
    if (count == TOGETHER) spread_together(n, dim, stride, w, width, y, y_stride, rows);
    else for (int i = 0; i < count; i++) spread(n, dim, stride, w + i * width, y + i * y_stride, rows);
}
