#include "vision/pixels.h"

#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <stb/stb_image_write.h>

#include "base/err.h"
#include "base/mem.h"
#include "vision/decode.h"
#include "vision/exif.h"
#include "vision/jpeg_segments.h"
#include "vision/stb_decode.h"

/* Room for tables, and for what a compressed stream holds beside pixels; and the most that a format needs a pixel at one
 * time: 16-bit RGBA unfiltered (8), as decoded (8), reduced to 8 bits (4), and as RGB (3), rounded up. */
enum { FIXED_MEMORY = 32 << 20, PIXEL_MEMORY = 24 };

size_t pixels_memory(int64_t count)
{
    return size_add(FIXED_MEMORY, size_mul((size_t)count, PIXEL_MEMORY));
}

/* Interleaved `channels` (1, 2 or 4) to RGB. */
static unsigned char *to_rgb(const unsigned char *in, size_t count, int channels)
{
    unsigned char *rgb = xmalloc(size_mul(count, 3));
    for (size_t i = 0; i < count; i++) {
        const unsigned char *p = in + i * (size_t)channels;
        unsigned alpha = channels % 2 ? 255 : p[channels - 1];
        for (int c = 0; c < 3; c++) rgb[3 * i + (size_t)c] = decode_over_white(p[channels > 2 ? c : 0], alpha);
    }
    return rgb;
}

/* --- Formats ----------------------------------------------------------------------------------------------------------- */

static bool begins(const unsigned char *bytes, size_t n, const char *with, size_t length)
{
    return n >= length && !memcmp(bytes, with, length);
}

static bool is_jpeg(const unsigned char *b, size_t n) { return begins(b, n, "\xff\xd8", 2); }
static bool is_png(const unsigned char *b, size_t n) { return begins(b, n, "\x89PNG", 4); }

/* What stb_image decodes: JPEG, PNG, GIF and BMP. */
static const char *decode_by_stb(const unsigned char *bytes, size_t n, int64_t max_pixels, decoded_t *out)
{
    int width = 0, height = 0, channels = 0;
    if (n > INT_MAX || !stb_info(bytes, (int)n, &width, &height))
        return "not a JPEG, PNG, GIF, BMP, WebP, AVIF or TIFF image that can be read";
    const char *why = decode_check_size(width, height, max_pixels);
    if (!why && is_jpeg(bytes, n)) why = jpeg_check_colours(bytes, n);
    if (why) return why;
    int64_t count = (int64_t)width * height;
    unsigned char *p = stb_decode(bytes, (int)n, pixels_memory(count), &width, &height, &channels);
    if (!p) return decode_refuse("the image is damaged (%s)", stb_why());
    if ((int64_t)width * height != count || channels < 1 || channels > 4) {
        free(p);
        return "the image is damaged (its headers disagree)";
    }
    out->pixels = (pixels_t){.width = width, .height = height, .rgb = p};
    if (channels != 3) {
        out->pixels.rgb = to_rgb(p, (size_t)count, channels);
        free(p);
    }
    if (is_jpeg(bytes, n)) out->orientation = exif_orientation_jpeg(bytes, n);
    if (is_png(bytes, n)) out->orientation = exif_orientation_png(bytes, n);
    return NULL;
}

static const char *decode(const unsigned char *bytes, size_t n, int64_t max_pixels, decoded_t *out)
{
    if (begins(bytes, n, "RIFF", 4) && n >= 12 && !memcmp(bytes + 8, "WEBP", 4)) return webp_decode(bytes, n, max_pixels, out);
    if (n >= 12 && (!memcmp(bytes + 4, "ftypavif", 8) || !memcmp(bytes + 4, "ftypavis", 8))) return avif_decode(bytes, n, max_pixels, out);
    if (begins(bytes, n, "II*\0", 4) || begins(bytes, n, "MM\0*", 4) || begins(bytes, n, "II+\0", 4) || begins(bytes, n, "MM\0+", 4))
        return tiff_decode(bytes, n, max_pixels, out);
    return decode_by_stb(bytes, n, max_pixels, out);
}

const char *pixels_decode(const unsigned char *bytes, size_t n, int64_t max_pixels, pixels_t *out)
{
    decoded_t d = {.orientation = 1};
    *out = (pixels_t){0};
    const char *why = n ? decode(bytes, n, max_pixels, &d) : "the image is empty";
    if (why) return why;
    *out = d.pixels;
    exif_turn_upright(out, d.orientation);
    out->turned = d.orientation > 1;
    return NULL;
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
