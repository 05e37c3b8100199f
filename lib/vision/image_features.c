#include "vision/image_features.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "vision/pixels.h"

/* A picture as planes of L (0 to 100), a and b, with the share that each pixel belongs to the middle rather than the rim. */
typedef struct {
    int width, height;
    float *plane[3], *middle;
} colour_lab_t;

static float lab_curve(float t) { return t > 216.f / 24389 ? cbrtf(t) : (24389.f / 27 * t + 16) / 116; }

/* CIELAB of linear RGB with sRGB's primaries and white point (D65). */
static void linear_to_lab(const float *rgb, float *lab)
{
    float x = lab_curve((0.4124564f * rgb[0] + 0.3575761f * rgb[1] + 0.1804375f * rgb[2]) / 0.95047f);
    float y = lab_curve(0.2126729f * rgb[0] + 0.7151522f * rgb[1] + 0.0721750f * rgb[2]);
    float z = lab_curve((0.0193339f * rgb[0] + 0.1191920f * rgb[1] + 0.9503041f * rgb[2]) / 1.08883f);
    lab[0] = 116 * y - 16;
    lab[1] = 500 * (x - y);
    lab[2] = 200 * (y - z);
}

/* 1 in the middle, falling to 0 at the rim, as a raised cosine. */
static float window(int i, int n)
{
    return 0.5f - 0.5f * cosf(2 * (float)M_PI * ((float)i + 0.5f) / (float)n);
}

static colour_lab_t lab_new(int width, int height)
{
    colour_lab_t l = {.width = width, .height = height};
    for (int c = 0; c < 3; c++) l.plane[c] = xfloats((size_t)(width * height));
    l.middle = xfloats((size_t)(width * height));
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) l.middle[y * width + x] = sqrtf(window(x, width) * window(y, height));
    return l;
}

static void lab_free(colour_lab_t *l)
{
    for (int c = 0; c < 3; c++) free(l->plane[c]);
    free(l->middle);
}

static colour_lab_t to_lab(const unsigned char *rgb, int width, int height)
{
    float linear[256];
    for (int v = 0; v < 256; v++) {
        float s = (float)v / 255;
        linear[v] = s <= 0.04045f ? s / 12.92f : powf((s + 0.055f) / 1.055f, 2.4f);
    }
    colour_lab_t l = lab_new(width, height);
    for (int i = 0; i < width * height; i++) {
        const float in[3] = {linear[rgb[3 * i]], linear[rgb[3 * i + 1]], linear[rgb[3 * i + 2]]};
        float lab[3];
        linear_to_lab(in, lab);
        for (int c = 0; c < 3; c++) l.plane[c][i] = lab[c];
    }
    return l;
}

/* Where a value lies among `levels` evenly spaced ones, the first at 0 and the last at 1: the level below, at most the last
 * but one, and how far beyond it, 0 to 1. */
static int split(float v, int levels, float *beyond)
{
    float at = fminf(fmaxf(v, 0), 1) * (float)(levels - 1);
    int level = (int)at < levels - 2 ? (int)at : levels - 2;
    *beyond = at - (float)level;
    return level;
}

/* a or b for the histogram: colours near grey are told apart better than vivid ones. */
static float chroma(float v) { return 0.5f + 0.5f * 1.4f * v / (fabsf(v) + 40); }

/* Two histograms, of the middle and of the rim. */
static void colour_block(const colour_lab_t *l, float *f)
{
    float sum[2] = {0};
    for (int i = 0; i < l->width * l->height; i++) {
        float part[3], share[2] = {l->middle[i], 1 - l->middle[i]};
        int level[3] = {split(l->plane[0][i] / 100, IMAGE_LIGHT, &part[0]), split(chroma(l->plane[1][i]), IMAGE_CHROMA, &part[1]),
                        split(chroma(l->plane[2][i]), IMAGE_CHROMA, &part[2])};
        for (int corner = 0; corner < 8; corner++) {
            float w = 1;
            int bin = 0;
            for (int c = 0; c < 3; c++) {
                int up = corner >> c & 1;
                w *= up ? part[c] : 1 - part[c];
                bin = bin * (c ? IMAGE_CHROMA : IMAGE_LIGHT) + level[c] + up;
            }
            for (int r = 0; r < 2; r++) f[r * IMAGE_COLOURS + bin] += w * share[r];
        }
        for (int r = 0; r < 2; r++) sum[r] += share[r];
    }
    for (int r = 0; r < 2; r++)
        for (int b = 0; b < IMAGE_COLOURS; b++) {
            float *v = &f[r * IMAGE_COLOURS + b];
            *v = sum[r] > 0 ? sqrtf(*v / (2 * sum[r])) : 0;
        }
}

/* The gradient of L at a pixel: its strength, and its orientation as a place among IMAGE_ANGLES bins that close to a circle. */
static float gradient(const colour_lab_t *l, int x, int y, float *orientation)
{
    const float *p = l->plane[0];
    int left = x > 0 ? x - 1 : x, right = x < l->width - 1 ? x + 1 : x;
    int up = y > 0 ? y - 1 : y, down = y < l->height - 1 ? y + 1 : y;
    float dx = p[y * l->width + right] - p[y * l->width + left], dy = p[down * l->width + x] - p[up * l->width + x];
    float angle = atan2f(dy, dx) / (float)M_PI; /* -1 to 1; half a turn is 1 */
    angle -= floorf(angle);
    *orientation = angle * IMAGE_ANGLES;
    return sqrtf(dx * dx + dy * dy) / 100;
}

/* The two orientation bins that a gradient is shared by. */
static void angle_bins(float orientation, int *bin, float *share)
{
    int first = (int)orientation;
    share[1] = orientation - (float)first;
    share[0] = 1 - share[1];
    bin[0] = first % IMAGE_ANGLES;
    bin[1] = (first + 1) % IMAGE_ANGLES;
}

/* Adds to the orientations of the four cells around the pixel. */
static void add_to_cells(float *cells, float cx, float cy, const int *bin, const float *share, float strength)
{
    int x0 = (int)floorf(cx), y0 = (int)floorf(cy);
    for (int corner = 0; corner < 4; corner++) {
        int x = x0 + (corner & 1), y = y0 + (corner >> 1);
        if (x < 0 || y < 0 || x >= IMAGE_CELLS || y >= IMAGE_CELLS) continue;
        float w = (1 - fabsf(cx - (float)x)) * (1 - fabsf(cy - (float)y)) * strength;
        for (int k = 0; k < 2; k++) cells[(y * IMAGE_CELLS + x) * IMAGE_ANGLES + bin[k]] += w * share[k];
    }
}

static float energy(const float *v, int n)
{
    float sum = 0;
    for (int i = 0; i < n; i++) sum += v[i] * v[i];
    return sum;
}

/* Brings a block to length 1, or less where it is not much longer than `floor`. */
static void normalise(float *v, int n, float floor)
{
    float by = 1 / sqrtf(energy(v, n) + floor * floor);
    for (int i = 0; i < n; i++) v[i] *= by;
}

static void edge_block(const colour_lab_t *l, float *f)
{
    enum { N = IMAGE_CELLS * IMAGE_CELLS };
    float cells[N * IMAGE_ANGLES] = {0}, cell_energy[N], scale = 1 / (float)(l->width * l->height);
    for (int y = 0; y < l->height; y++) {
        for (int x = 0; x < l->width; x++) {
            float orientation, share[2], strength = gradient(l, x, y, &orientation);
            int bin[2];
            if (strength <= 0) continue;
            angle_bins(orientation, bin, share);
            float cx = ((float)x + 0.5f) * IMAGE_CELLS / (float)l->width - 0.5f;
            float cy = ((float)y + 0.5f) * IMAGE_CELLS / (float)l->height - 0.5f;
            add_to_cells(cells, cx, cy, bin, share, strength * scale * N);
        }
    }
    for (int c = 0; c < N; c++) cell_energy[c] = energy(cells + c * IMAGE_ANGLES, IMAGE_ANGLES);
    for (int y = 0; y < IMAGE_CELLS; y++) {
        for (int x = 0; x < IMAGE_CELLS; x++) {
            float around = 0;
            for (int v = y ? y - 1 : y; v <= y + 1 && v < IMAGE_CELLS; v++)
                for (int u = x ? x - 1 : x; u <= x + 1 && u < IMAGE_CELLS; u++) around += cell_energy[v * IMAGE_CELLS + u];
            float by = 1 / sqrtf(around + 1e-4f);
            for (int k = 0; k < IMAGE_ANGLES; k++) {
                int i = (y * IMAGE_CELLS + x) * IMAGE_ANGLES + k;
                f[i] = cells[i] * by;
            }
        }
    }
    normalise(f, N * IMAGE_ANGLES, 0.1f);
}

/* Half the size, by the mean of four pixels. */
static colour_lab_t halve(const colour_lab_t *l)
{
    colour_lab_t h = lab_new(l->width > 1 ? l->width / 2 : 1, l->height > 1 ? l->height / 2 : 1);
    for (int y = 0; y < h.height; y++) {
        for (int x = 0; x < h.width; x++) {
            int right = 2 * x + 1 < l->width ? 1 : 0, down = 2 * y + 1 < l->height ? l->width : 0;
            const float *p = l->plane[0] + 2 * y * l->width + 2 * x;
            h.plane[0][y * h.width + x] = (p[0] + p[right] + p[down] + p[down + right]) / 4;
        }
    }
    return h;
}

static void texture_at(const colour_lab_t *l, float *f)
{
    float sum[2] = {0};
    for (int y = 0; y < l->height; y++) {
        for (int x = 0; x < l->width; x++) {
            float middle = l->middle[y * l->width + x], region[2] = {middle, 1 - middle};
            float orientation, share[2], strength = gradient(l, x, y, &orientation);
            int bin[2];
            angle_bins(orientation, bin, share);
            for (int r = 0; r < 2; r++) {
                sum[r] += region[r];
                for (int k = 0; k < 2; k++) f[r * IMAGE_ANGLES + bin[k]] += region[r] * strength * share[k];
            }
        }
    }
    for (int r = 0; r < 2; r++)
        for (int k = 0; k < IMAGE_ANGLES; k++) {
            float *v = &f[r * IMAGE_ANGLES + k];
            *v = sum[r] > 0 ? sqrtf(*v / sum[r]) : 0;
        }
}

static void texture_block(const colour_lab_t *l, float *f)
{
    colour_lab_t at = *l;
    for (int s = 0; s < IMAGE_SCALES; s++) {
        texture_at(&at, f + s * 2 * IMAGE_ANGLES);
        colour_lab_t half = halve(&at);
        if (s) lab_free(&at);
        at = half;
    }
    lab_free(&at);
    normalise(f, IMAGE_SCALES * 2 * IMAGE_ANGLES, 0.3f);
}

static void layout_block(const colour_lab_t *l, float *f)
{
    static const float zero[3] = {50, 0, 0};
    for (int v = 0; v < IMAGE_LAYOUT; v++) {
        for (int u = 0; u < IMAGE_LAYOUT; u++) {
            int x0 = u * l->width / IMAGE_LAYOUT, x1 = (u + 1) * l->width / IMAGE_LAYOUT;
            int y0 = v * l->height / IMAGE_LAYOUT, y1 = (v + 1) * l->height / IMAGE_LAYOUT;
            if (x1 == x0) x1++;
            if (y1 == y0) y1++;
            for (int c = 0; c < 3; c++) {
                float sum = 0;
                for (int y = y0; y < y1; y++)
                    for (int x = x0; x < x1; x++) sum += l->plane[c][y * l->width + x];
                f[(c * IMAGE_LAYOUT + v) * IMAGE_LAYOUT + u] = (sum / (float)((x1 - x0) * (y1 - y0)) - zero[c]) / 50;
            }
        }
    }
    normalise(f, 3 * IMAGE_LAYOUT * IMAGE_LAYOUT, 1);
}

void image_features(const unsigned char *rgb, int width, int height, float *f)
{
    const pixels_t whole = {.width = width, .height = height, .rgb = (unsigned char *)rgb};
    pixels_t small = pixels_resize(&whole, width < IMAGE_SIDE ? width : IMAGE_SIDE, height < IMAGE_SIDE ? height : IMAGE_SIDE);
    colour_lab_t lab = to_lab(small.rgb, small.width, small.height);
    memset(f, 0, IMAGE_FEATURES * sizeof *f);
    colour_block(&lab, f);
    f += 2 * IMAGE_COLOURS;
    edge_block(&lab, f);
    f += IMAGE_CELLS * IMAGE_CELLS * IMAGE_ANGLES;
    texture_block(&lab, f);
    f += 2 * IMAGE_SCALES * IMAGE_ANGLES;
    layout_block(&lab, f);
    lab_free(&lab);
    pixels_free(&small);
}
