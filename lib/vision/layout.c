#include "vision/layout.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static const float MARGIN = 0.07f;           /* share of a side that is taken for background */
static const float LEAST_DIFFERENCE = 13;    /* Delta E that sets an object off */
static const float NOISE_FACTOR = 2.5f;      /* ... or this many times the margin's own noise */
static const float PLAIN_SPREAD = 6, SHADED_SPREAD = 16, SHADED_STEP = 2.5f; /* Delta E */
static const float PLAIN_SHARE = 0.88f, PLAIN_DISTANCE = 9;
static const float LEAST_SHARE = 0.02f, MOST_SHARE = 0.80f;
static const float SECOND_PART = 0.3f;       /* parts of this share of the main one's weight belong to the object as well */

static int margin_of(int side)
{
    int m = (int)lroundf(MARGIN * (float)side);
    return m < 1 ? 1 : m;
}

static colour_lab_t mean_of(const colour_lab_t *p, int n)
{
    colour_lab_t sum = {0, 0, 0};
    for (int i = 0; i < n; i++) {
        sum.l += p[i].l;
        sum.a += p[i].a;
        sum.b += p[i].b;
    }
    return (colour_lab_t){sum.l / (float)n, sum.a / (float)n, sum.b / (float)n};
}

static colour_lab_t mix(colour_lab_t x, colour_lab_t y, float t)
{
    return (colour_lab_t){x.l + t * (y.l - x.l), x.a + t * (y.a - x.a), x.b + t * (y.b - x.b)};
}

static int compare_floats(const void *x, const void *y)
{
    float a = *(const float *)x, b = *(const float *)y;
    return (a > b) - (a < b);
}

/* The side margins row by row, and the noise in them: the median distance of a pixel to its row's mean. */
typedef struct {
    colour_lab_t *left, *right;
    float noise;
} margins_t;

static margins_t measure_margins(const colour_image_t *image)
{
    int w = image->width, h = image->height, m = margin_of(w);
    margins_t g = {NEW_ARRAY(colour_lab_t, h), NEW_ARRAY(colour_lab_t, h), 0};
    float *distances = xmalloc(size_mul((size_t)(2 * m), (size_t)h) * sizeof *distances);
    int n = 0;
    for (int y = 0; y < h; y++) {
        const colour_lab_t *row = image->lab + (size_t)y * (size_t)w;
        g.left[y] = mean_of(row, m);
        g.right[y] = mean_of(row + w - m, m);
        for (int i = 0; i < m; i++) {
            distances[n++] = colour_distance(row[i], g.left[y]);
            distances[n++] = colour_distance(row[w - m + i], g.right[y]);
        }
    }
    qsort(distances, (size_t)n, sizeof *distances, compare_floats);
    g.noise = distances[n / 2];
    free(distances);
    return g;
}

/* How far a pixel is from everything that its row's margins make likely for the background. */
static float difference(const margins_t *g, colour_lab_t c, int y, float across)
{
    float between = colour_distance(c, mix(g->left[y], g->right[y], across));
    return fminf(between, fminf(colour_distance(c, g->left[y]), colour_distance(c, g->right[y])));
}

static void mark_different(const colour_image_t *image, const margins_t *g, unsigned char *mask)
{
    int w = image->width, h = image->height;
    float least = fmaxf(LEAST_DIFFERENCE, NOISE_FACTOR * g->noise);
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            mask[y * w + x] = difference(g, image->lab[y * w + x], y, ((float)x + 0.5f) / (float)w) > least;
}

/* A pixel becomes what at least five of the nine around it are: specks and pinholes go. */
static void smooth(unsigned char *mask, int w, int h)
{
    unsigned char *old = xmalloc((size_t)w * (size_t)h);
    memcpy(old, mask, (size_t)w * (size_t)h);
    for (int y = 1; y + 1 < h; y++)
        for (int x = 1; x + 1 < w; x++) {
            int sum = 0;
            for (int k = 0; k < 9; k++) sum += old[(y + k / 3 - 1) * w + x + k % 3 - 1];
            mask[y * w + x] = sum >= 5;
        }
    free(old);
}

/* A connected part of the mask: numbered from 2, so that it can be told from what is not yet visited. Its weight falls off
 * from the frame's middle. */
static float fill_part(unsigned char *mask, int w, int h, int start, unsigned char number, int *stack)
{
    float weight = 0;
    int top = 0;
    mask[start] = number;
    stack[top++] = start;
    while (top) {
        int at = stack[--top], x = at % w, y = at / w;
        float dx = 2 * ((float)x + 0.5f) / (float)w - 1, dy = 2 * ((float)y + 0.5f) / (float)h - 1;
        weight += fmaxf(0, 1 - 0.7f * (dx * dx + dy * dy));
        const int neighbours[4] = {x > 0 ? at - 1 : at, x + 1 < w ? at + 1 : at,
                                   y > 0 ? at - w : at, y + 1 < h ? at + w : at};
        for (int k = 0; k < 4; k++)
            if (mask[neighbours[k]] == 1) {
                mask[neighbours[k]] = number;
                stack[top++] = neighbours[k];
            }
    }
    return weight;
}

/* Leaves the main part, and those that come near it. */
static void keep_main_parts(unsigned char *mask, int w, int h)
{
    enum { PARTS = 253 };
    float weights[PARTS + 2] = {0}, best = 0;
    int count = 2, *stack = xmalloc(size_mul((size_t)w, (size_t)h) * sizeof *stack);
    for (int i = 0; i < w * h; i++)
        if (mask[i] == 1) {
            if (count >= PARTS + 2) {
                mask[i] = 0;
                continue;
            }
            weights[count] = fill_part(mask, w, h, i, (unsigned char)count, stack);
            best = fmaxf(best, weights[count]);
            count++;
        }
    for (int i = 0; i < w * h; i++) mask[i] = mask[i] && weights[mask[i]] >= SECOND_PART * best;
    free(stack);
}

static void measure_object(layout_t *l, int w, int h)
{
    int n = 0;
    l->left = w;
    l->top = h;
    l->right = l->bottom = -1;
    for (int y = 0; y < h; y++)
        for (int x = 0; x < w; x++)
            if (l->mask[y * w + x]) {
                n++;
                l->left = x < l->left ? x : l->left;
                l->right = x > l->right ? x : l->right;
                l->top = y < l->top ? y : l->top;
                l->bottom = y;
            }
    l->share = (float)n / (float)(w * h);
}

/* The margin all around: how far its pixels lie from its mean, and how much its colour steps from one place to the next. */
static layout_background_t classify(const colour_image_t *image, const margins_t *g)
{
    int w = image->width, h = image->height, top = margin_of(h);
    colour_lab_t mean = {0, 0, 0};
    float spread = 0, step = 0;
    for (int y = 0; y < h; y++) mean = mix(mean, mix(g->left[y], g->right[y], 0.5f), 1 / (float)(y + 1));
    for (int y = 0; y < h; y++) {
        float dl = colour_distance(g->left[y], mean), dr = colour_distance(g->right[y], mean);
        spread += (dl * dl + dr * dr) / (float)(2 * h);
        if (!y) continue;
        float sl = colour_distance(g->left[y], g->left[y - 1]), sr = colour_distance(g->right[y], g->right[y - 1]);
        step += (sl + sr) / (float)(2 * h);
    }
    float upper = 0;
    for (int x = 0; x < w; x++) {
        colour_lab_t column = {0, 0, 0};
        for (int y = 0; y < top; y++) column = mix(column, image->lab[y * w + x], 1 / (float)(y + 1));
        float d = colour_distance(column, mix(g->left[0], g->right[0], ((float)x + 0.5f) / (float)w));
        upper += d * d / (float)w;
    }
    spread = sqrtf(fmaxf(spread, upper));
    if (spread < PLAIN_SPREAD) return BACKGROUND_PLAIN;
    bool fades = spread < SHADED_SPREAD && step < SHADED_STEP && sqrtf(upper) < PLAIN_SPREAD;
    return fades ? BACKGROUND_SHADED : BACKGROUND_SCENE;
}

/* A background pixel of median lightness, to a quarter of a unit; n of them, at least one. */
static colour_lab_t median_pixel(const colour_image_t *image, const unsigned char *mask, int n)
{
    enum { STEPS = 4 * 100 + 2 };
    int counts[STEPS] = {0}, pixels = image->width * image->height, bin = 0, below = 0;
    for (int i = 0; i < pixels; i++)
        if (!mask[i]) counts[(int)(4 * fmaxf(0, fminf(image->lab[i].l, 100)))]++;
    while (below + counts[bin] <= n / 2) below += counts[bin++];
    for (int i = 0; i < pixels; i++)
        if (!mask[i] && (int)(4 * fmaxf(0, fminf(image->lab[i].l, 100))) == bin) return image->lab[i];
    return image->lab[0];
}

/* Nearly all of the background is like its pixel of median lightness: lettering, or a part of the object, at the margin does
 * not count. */
static bool mostly_one_colour(const colour_image_t *image, const unsigned char *mask)
{
    int n = 0, near = 0, pixels = image->width * image->height;
    for (int i = 0; i < pixels; i++) n += !mask[i];
    if (!n) return false;
    colour_lab_t median = median_pixel(image, mask, n);
    for (int i = 0; i < pixels; i++) near += !mask[i] && colour_distance(image->lab[i], median) < PLAIN_DISTANCE;
    return (float)near >= PLAIN_SHARE * (float)n;
}

/* An object that reaches three sides of the frame is no object in front of something. */
static bool stands_free(const layout_t *l, int w, int h)
{
    int touched = (l->left == 0) + (l->top == 0) + (l->right == w - 1) + (l->bottom == h - 1);
    return l->share >= LEAST_SHARE && l->share <= MOST_SHARE && touched < 3;
}

layout_t layout_find(const colour_image_t *image)
{
    int w = image->width, h = image->height;
    layout_t l = {.mask = xcalloc((size_t)w, (size_t)h)};
    margins_t g = measure_margins(image);
    mark_different(image, &g, l.mask);
    smooth(l.mask, w, h);
    keep_main_parts(l.mask, w, h);
    measure_object(&l, w, h);
    l.background = mostly_one_colour(image, l.mask) ? BACKGROUND_PLAIN : classify(image, &g);
    if (!stands_free(&l, w, h)) {
        bool empty = l.share < LEAST_SHARE && l.background != BACKGROUND_SCENE;
        memset(l.mask, 0, (size_t)w * (size_t)h);
        l.share = 0;
        if (!empty) l.background = BACKGROUND_NONE;
    }
    free(g.left);
    free(g.right);
    return l;
}

void layout_free(layout_t *layout)
{
    free(layout->mask);
    *layout = (layout_t){0};
}
