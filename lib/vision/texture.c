#include "vision/texture.h"

#include <math.h>
#include <stdbool.h>

static const float LEAST_EDGE = 9;   /* Delta E over two pixels */
static const double PI = 3.14159265358979323846;

/* Structure tensor over the three channels at one pixel: its dominant gradient's size and direction. */
static float gradient(const colour_lab_t *p, int w, float *angle)
{
    float xl = p[1].l - p[-1].l, xa = p[1].a - p[-1].a, xb = p[1].b - p[-1].b;
    float yl = p[w].l - p[-w].l, ya = p[w].a - p[-w].a, yb = p[w].b - p[-w].b;
    float xx = xl * xl + xa * xa + xb * xb, yy = yl * yl + ya * ya + yb * yb, xy = xl * yl + xa * ya + xb * yb;
    float root = sqrtf((xx - yy) * (xx - yy) + 4 * xy * xy);
    *angle = 0.5f * atan2f(2 * xy, xx - yy);
    return sqrtf((xx + yy + root) / 2);
}

static bool inside(const unsigned char *part, int w, int at, unsigned char value)
{
    for (int k = 0; k < 9; k++)
        if (part[at + (k / 3 - 1) * w + k % 3 - 1] != value) return false;
    return true;
}

texture_t texture_measure(const colour_image_t *image, const unsigned char *part, unsigned char value)
{
    texture_t t = {0};
    int w = image->width, edges = 0;
    float weights = 0;
    for (int y = 1; y + 1 < image->height; y++)
        for (int x = 1; x + 1 < w; x++) {
            int at = y * w + x;
            float angle;
            if (!inside(part, w, at, value)) continue;
            t.pixels++;
            float size = gradient(image->lab + at, w, &angle);
            if (size < LEAST_EDGE) continue;
            edges++;
            t.strength += size;
            /* A gradient across, angle 0, is an upright edge. */
            int bin = (int)lround(4 * (double)angle / PI + 8) % 4;
            t.direction[bin] += size;
            weights += size;
        }
    if (!edges) return t;
    t.density = (float)edges / (float)t.pixels;
    t.strength /= (float)edges;
    for (int k = 0; k < 4; k++) t.direction[k] /= weights;
    return t;
}

const char *texture_pattern(const texture_t *t)
{
    const float *d = t->direction;
    if (t->density < 0.05f) return "a plain surface";
    if (t->density < 0.22f) return "a nearly plain surface";
    if (d[0] > 0.48f) return "vertical stripes";
    if (d[2] > 0.48f) return "horizontal stripes";
    if (d[1] > 0.45f || d[3] > 0.45f) return "diagonal stripes";
    if (d[0] + d[2] > 0.62f) return "checks";
    if (d[1] + d[3] > 0.54f) return "zigzags";
    return t->density > 0.6f ? "dense detail" : "spots";
}
