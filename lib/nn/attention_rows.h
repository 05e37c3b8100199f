/* What attention does with rows of keys and values, for `count` queries next to each other, up to TOGETHER. TOGETHER of them read a row once
 * for all. A sum's terms come in the same order either way, so that the bits are the same (nn/attention.h's own). */
#ifndef SIDMILL_NN_ATTENTION_ROWS_H
#define SIDMILL_NN_ATTENTION_ROWS_H

#include <stdint.h>

enum { LANES = 16,       /* columns are padded to this, so that vector loops have no tails */
       TOGETHER = 4 };

static inline int64_t padded(int64_t n) { return (n + LANES - 1) / LANES * LANES; }

/* Turns `rows` strided rows into columns [dim, width], zero beyond them, so that dots read along memory; width is at least padded(rows). */
void rows_transpose(int64_t rows, int64_t dim, int64_t stride, const float *x, int64_t width, float *columns);

/* out[i][j] = scale * sum_d x[i][d] columns[d][j] for j in [0, n), n a multiple of LANES. Rows of x are x_stride apart; columns, as rows
 * of `out`, `width`. */
void rows_dots(int count, int64_t n, int64_t width, int64_t dim, float scale, const float *x, int64_t x_stride, const float *columns,
               float *out);

/* y[i][0..dim) += sum_j w[i][j] rows[j], j in [0, n). Rows are `stride` apart, those of w `width`, of y y_stride. */
void rows_sum(int count, int64_t n, int64_t dim, int64_t stride, const float *w, int64_t width, const float *rows, float *y, int64_t y_stride);

/* rows[j] += sum_i w[i][j] y[i], likewise. */
void rows_spread(int count, int64_t n, int64_t dim, int64_t stride, const float *w, int64_t width, const float *y, int64_t y_stride,
                 float *rows);

#endif
