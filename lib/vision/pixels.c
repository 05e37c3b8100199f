#include "vision/pixels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <stb/stb_image_write.h>

#include "base/err.h"
#include "base/mem.h"

/* Room for tables, and for what a compressed stream holds beside pixels; and the most that a format needs a pixel at one
 * time: 16-bit RGBA unfiltered (8), as decoded (8), reduced to 8 bits (4), and as RGB (3), rounded up. */
enum { FIXED_MEMORY = 32 << 20, PIXEL_MEMORY = 24 };

size_t pixels_memory(int64_t count)
{
    return size_add(FIXED_MEMORY, size_mul((size_t)count, PIXEL_MEMORY));
}

void pixels_free(pixels_t *p)
{
    free(p->rgb);
    *p = (pixels_t){0};
}

/* The source pixels [first, last] that a new one covers, and how much of the first and last. */
typedef struct {
    int first, last;
    float first_weight, last_weight;
} span_t;

static span_t *cut_spans(int from, int to)
{
    span_t *spans = NEW_ARRAY(span_t, to);
    for (int i = 0; i < to; i++) {
        /* In units of 1/to of a source pixel, so that neighbours share their border exactly. */
        int64_t start = (int64_t)i * from, end = start + from;
        span_t *s = &spans[i];
        s->first = (int)(start / to);
        s->last = (int)((end - 1) / to);
        s->first_weight = 1 - (float)(start % to) / (float)to;
        s->last_weight = (float)(end - (int64_t)s->last * to) / (float)to;
        if (s->first == s->last) s->first_weight = s->last_weight = (float)from / (float)to;
    }
    return spans;
}

/* Adds a source row, narrowed to `width`, times `weight` to `sum` [3 * width]. */
static void add_row(float *sum, const unsigned char *row, const span_t *spans, int width, float weight)
{
    for (int x = 0; x < width; x++) {
        const span_t *s = &spans[x];
        const unsigned char *p = row + 3 * (size_t)s->first;
        int inner[3] = {0};
        for (int i = s->first + 1; i < s->last; i++)
            for (int c = 0; c < 3; c++) inner[c] += p[3 * (i - s->first) + c];
        const unsigned char *q = row + 3 * (size_t)s->last;
        for (int c = 0; c < 3; c++) {
            float v = s->first_weight * (float)p[c] + (float)inner[c];
            if (s->last > s->first) v += s->last_weight * (float)q[c];
            sum[3 * x + c] += weight * v;
        }
    }
}

pixels_t pixels_resize(const pixels_t *p, int width, int height)
{
    pixels_t out = {.width = width, .height = height, .rgb = xmalloc(size_mul(size_mul((size_t)width, (size_t)height), 3))};
    span_t *columns = cut_spans(p->width, width), *rows = cut_spans(p->height, height);
    float *sum = xfloats((size_t)width * 3);
    float scale = (float)width / (float)p->width * ((float)height / (float)p->height);
    for (int y = 0; y < height; y++) {
        const span_t *s = &rows[y];
        memset(sum, 0, (size_t)width * 3 * sizeof *sum);
        for (int i = s->first; i <= s->last; i++) {
            float weight = i == s->first ? s->first_weight : i == s->last ? s->last_weight : 1;
            add_row(sum, p->rgb + 3 * (size_t)i * (size_t)p->width, columns, width, weight);
        }
        unsigned char *to = out.rgb + 3 * (size_t)y * (size_t)width;
        for (int i = 0; i < 3 * width; i++) to[i] = (unsigned char)fminf(sum[i] * scale + 0.5f, 255);
    }
    free(sum);
    free(columns);
    free(rows);
    return out;
}

pixels_t pixels_fit(const pixels_t *p, int max_side)
{
    int longer = p->width > p->height ? p->width : p->height;
    if (longer > max_side) {
        int64_t w = ((int64_t)p->width * max_side + longer / 2) / longer;
        int64_t h = ((int64_t)p->height * max_side + longer / 2) / longer;
        return pixels_resize(p, w < 1 ? 1 : (int)w, h < 1 ? 1 : (int)h);
    }
    size_t n = size_mul(size_mul((size_t)p->width, (size_t)p->height), 3);
    pixels_t out = {.width = p->width, .height = p->height, .rgb = xmalloc(n)};
    memcpy(out.rgb, p->rgb, n);
    return out;
}

static void append(void *out, void *bytes, int n) { buf_add(out, bytes, (size_t)n); }

void pixels_jpeg(const pixels_t *p, int quality, buf_t *out)
{
    if (!stbi_write_jpg_to_func(append, out, p->width, p->height, 3, p->rgb, quality))
        die(EX_SOFTWARE, "cannot encode a picture of %d x %d", p->width, p->height);
}
