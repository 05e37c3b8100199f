#include "vision/resample.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/simd.h"

enum { CHANNELS = 3, PRECISION = 22 }; /* bits of a weight: 32, less 8 of the pixel and 2 of headroom */

/* For outputs [first, first + count) along one axis: which inputs each is made of, and their weights. */
typedef struct {
    int64_t count, taps;  /* most weights an output has */
    int64_t *start, *used;
    int32_t *weight;      /* [count, taps] */
} kernel_t;

/* Keys' cubic convolution (1981) with a = -0.5. */
static double cubic(double x)
{
    const double a = -0.5;
    x = fabs(x);
    if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
    if (x < 2) return (((x - 5) * x + 8) * x - 4) * a;
    return 0;
}

static int32_t fixed_point(double w) { return (int32_t)((w < 0 ? -0.5 : 0.5) + w * (1 << PRECISION)); }

static kernel_t kernel_make(int64_t in, int64_t out, int64_t first, int64_t count)
{
    const double scale = (double)in / (double)out, stretch = scale < 1 ? 1 : scale, support = 2 * stretch;
    kernel_t k = {.count = count, .taps = (int64_t)ceil(support) * 2 + 1};
    k.start = NEW_ARRAY(int64_t, count);
    k.used = NEW_ARRAY(int64_t, count);
    k.weight = NEW_ARRAY(int32_t, size_mul((size_t)count, (size_t)k.taps));
    double *w = NEW_ARRAY(double, k.taps);
    for (int64_t i = 0; i < count; i++) {
        double centre = ((double)(first + i) + 0.5) * scale, sum = 0, inverse = 1 / stretch;
        int64_t low = (int64_t)(centre - support + 0.5), high = (int64_t)(centre + support + 0.5);
        if (low < 0) low = 0;
        if (high > in) high = in;
        for (int64_t j = 0; j < high - low; j++) sum += w[j] = cubic(((double)(j + low) - centre + 0.5) * inverse);
        for (int64_t j = 0; j < high - low; j++) k.weight[i * k.taps + j] = fixed_point(sum != 0 ? w[j] / sum : w[j]);
        k.start[i] = low;
        k.used[i] = high - low;
    }
    free(w);
    return k;
}

static void kernel_free(kernel_t *k)
{
    free(k->start);
    free(k->used);
    free(k->weight);
}

static uint8_t clip8(int32_t sum)
{
    int32_t v = sum >> PRECISION;
    return (uint8_t)(v < 0 ? 0 : v > 255 ? 255 : v);
}

/* One row: out [k->count, 3] from the pixels of in. */
static void resample_row(const kernel_t *k, const uint8_t *restrict in, uint8_t *restrict out)
{
    for (int64_t i = 0; i < k->count; i++) {
        const int32_t *w = k->weight + i * k->taps;
        const uint8_t *p = in + k->start[i] * CHANNELS;
        int32_t r = 1 << (PRECISION - 1), g = r, b = r;
        for (int64_t j = 0; j < k->used[i]; j++) {
            r += w[j] * p[j * CHANNELS];
            g += w[j] * p[j * CHANNELS + 1];
            b += w[j] * p[j * CHANNELS + 2];
        }
        out[i * CHANNELS] = clip8(r);
        out[i * CHANNELS + 1] = clip8(g);
        out[i * CHANNELS + 2] = clip8(b);
    }
}

/* sum += w * in over n values. */
SIMD_CLONES
static void add_weighted(int64_t n, int32_t w, const uint8_t *restrict in, int32_t *restrict sum)
{
#pragma omp simd
    for (int64_t i = 0; i < n; i++) sum[i] += w * in[i];
}

/* Columns: out [k->count, n] from rows of n values; rows[0] is input row `first`. */
static void resample_columns(const kernel_t *k, const uint8_t *rows, int64_t first, int64_t n, uint8_t *out)
{
    int32_t *sum = NEW_ARRAY(int32_t, n);
    for (int64_t i = 0; i < k->count; i++) {
        for (int64_t x = 0; x < n; x++) sum[x] = 1 << (PRECISION - 1);
        for (int64_t j = 0; j < k->used[i]; j++)
            add_weighted(n, k->weight[i * k->taps + j], rows + (k->start[i] + j - first) * n, sum);
        for (int64_t x = 0; x < n; x++) out[i * n + x] = clip8(sum[x]);
    }
    free(sum);
}

void resample_bicubic(const uint8_t *rgb, int64_t width, int64_t height, int64_t to_width, int64_t to_height,
                      resample_window_t part, uint8_t *out)
{
    kernel_t across = kernel_make(width, to_width, part.left, part.width);
    kernel_t down = kernel_make(height, to_height, part.top, part.height);
    const bool same_width = to_width == width, same_height = to_height == height; /* an axis that stays is copied */
    const int64_t last = part.height - 1, n = part.width * CHANNELS;
    const int64_t first = same_height ? part.top : down.start[0];
    const int64_t end = same_height ? part.top + part.height : down.start[last] + down.used[last];
    uint8_t *rows = xmalloc(size_mul((size_t)(end - first), (size_t)n));
    for (int64_t y = first; y < end; y++) {
        const uint8_t *in = rgb + y * width * CHANNELS;
        uint8_t *row = rows + (y - first) * n;
        if (same_width) memcpy(row, in + part.left * CHANNELS, (size_t)n);
        else resample_row(&across, in, row);
    }
    if (same_height) memcpy(out, rows, (size_t)(part.height * n));
    else resample_columns(&down, rows, first, n, out);
    free(rows);
    kernel_free(&across);
    kernel_free(&down);
}
