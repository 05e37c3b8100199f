#include "synth/picture.h"

#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

picture_t picture_new(int size)
{
    return (picture_t){.size = size, .pixels = NEW_ARRAY(picture_rgb_t, size_mul((size_t)size, (size_t)size))};
}

void picture_free(picture_t *p)
{
    free(p->pixels);
    p->pixels = NULL;
}

picture_rgb_t rgb_mix(picture_rgb_t a, picture_rgb_t b, float t)
{
    return (picture_rgb_t){a.r + (b.r - a.r) * t, a.g + (b.g - a.g) * t, a.b + (b.b - a.b) * t};
}

picture_rgb_t rgb_scale(picture_rgb_t c, float by) { return (picture_rgb_t){c.r * by, c.g * by, c.b * by}; }

static float clampf(float x, float low, float high) { return x < low ? low : x > high ? high : x; }
static float pixel_centre(const picture_t *p, int i) { return ((float)i + 0.5f) / (float)p->size; }

void picture_gradient(picture_t *p, picture_rgb_t top, picture_rgb_t bottom)
{
    for (int y = 0; y < p->size; y++) {
        picture_rgb_t c = rgb_mix(top, bottom, pixel_centre(p, y));
        for (int x = 0; x < p->size; x++) p->pixels[y * p->size + x] = c;
    }
}

static float box_distance(float x, float y, float w, float h, float corner)
{
    float qx = fabsf(x) - w / 2 + corner, qy = fabsf(y) - h / 2 + corner;
    float ox = fmaxf(qx, 0), oy = fmaxf(qy, 0);
    return sqrtf(ox * ox + oy * oy) + fminf(fmaxf(qx, qy), 0) - corner;
}

/* First-order: exact on the outline, which is where it matters. */
static float ellipse_distance(float x, float y, float w, float h)
{
    float a = w / 2, b = h / 2;
    float k = sqrtf(x * x / (a * a) + y * y / (b * b));
    float g = sqrtf(x * x / (a * a * a * a) + y * y / (b * b * b * b));
    return g > 1e-6f ? k * (k - 1) / g : -fminf(a, b);
}

/* The greatest distance to the four sides' lines; corners stay sharp. */
static float trapezoid_distance(float x, float y, float w, float h, float top_share)
{
    float bottom = w / 2, top = bottom * top_share;
    float slope = (top - bottom) / h;                    /* of the right side, per unit of height upwards */
    float side = (fabsf(x) - bottom - slope * (h / 2 - y)) / sqrtf(1 + slope * slope);
    return fmaxf(side, fabsf(y) - h / 2);
}

/* Measures from (x, y) to a part's outline, both in the same frame; negative inside. */
static float part_distance(const picture_part_t *s, float x, float y)
{
    float dx = x - s->x, dy = y - s->y;
    if (s->angle != 0) {
        float c = cosf(s->angle), n = sinf(s->angle), t = dx * c + dy * n;
        dy = dy * c - dx * n;
        dx = t;
    }
    switch (s->shape) {
    case PART_BOX: return box_distance(dx, dy, s->w, s->h, fminf(s->extra, fminf(s->w, s->h) / 2));
    case PART_ELLIPSE: return ellipse_distance(dx, dy, s->w, s->h);
    case PART_RING: return fabsf(ellipse_distance(dx, dy, s->w, s->h)) - s->extra / 2;
    case PART_TRAPEZOID: return trapezoid_distance(dx, dy, s->w, s->h, s->extra);
    }
    return 1;
}

/* Gives the share of the trim colour at a point of the body. */
static float pattern_at(const picture_figure_t *f, float x, float y)
{
    float period = f->pattern_period, u = x / period + f->pattern_phase, v = y / period + f->pattern_phase;
    float fu = u - floorf(u), fv = v - floorf(v);
    switch (f->pattern) {
    case PATTERN_NONE: return 0;
    case PATTERN_CHECKS: return 0.5f * (float)(fu < 0.5f) + 0.5f * (float)(fv < 0.5f);
    case PATTERN_DOTS: return (fu - 0.5f) * (fu - 0.5f) + (fv - 0.5f) * (fv - 0.5f) < 0.09f ? 1 : 0;
    case PATTERN_BANDS: return fv < 0.45f ? 1 : 0;
    case PATTERN_PINSTRIPES: return fu < 0.3f ? 1 : 0;
    case PATTERN_DIAGONALS: return (u + v) * 0.7f - floorf((u + v) * 0.7f) < 0.45f ? 1 : 0;
    case PATTERN_CHEVRONS: {
        float w = v + fabsf(fu - 0.5f);
        return w - floorf(w) < 0.4f ? 1 : 0;
    }
    }
    return 0;
}

static void blend(picture_rgb_t *pixel, picture_rgb_t colour, float alpha) { *pixel = rgb_mix(*pixel, colour, alpha); }

/* Bounds the pixels that a shape centred at `at` can touch, within `reach`. */
static void pixel_span(const picture_t *p, float at, float reach, int *from, int *to)
{
    float size = (float)p->size;
    *from = (int)clampf(floorf((at - reach) * size), 0, size);
    *to = (int)clampf(ceilf((at + reach) * size), 0, size);
}

void picture_shape(picture_t *p, const picture_part_t *shape, picture_rgb_t colour, float alpha, float soft)
{
    float edge = fmaxf(soft, 1 / (float)p->size);
    float reach = hypotf(shape->w, shape->h) / 2 + edge + (shape->shape == PART_RING ? shape->extra : 0);
    int x0, x1, y0, y1;
    pixel_span(p, shape->x, reach, &x0, &x1);
    pixel_span(p, shape->y, reach, &y0, &y1);
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) {
            float cover = clampf(0.5f - part_distance(shape, pixel_centre(p, x), pixel_centre(p, y)) / edge, 0, 1);
            if (cover > 0) blend(&p->pixels[y * p->size + x], colour, cover * alpha);
        }
}

static picture_rgb_t part_colour(const picture_figure_t *f, const picture_part_t *part, float x, float y)
{
    picture_rgb_t c = f->paints[part->paint];
    if (part->paint == PAINT_BODY) c = rgb_mix(c, f->paints[PAINT_TRIM], f->pattern_depth * pattern_at(f, x, y));
    return rgb_scale(c, 1.08f - 0.25f * (y + 0.5f));
}

void picture_figure(picture_t *p, const picture_figure_t *f, const picture_part_t *parts, int count)
{
    float edge = 1 / ((float)p->size * f->scale), reach = f->scale * 0.85f, c = cosf(f->angle), n = sinf(f->angle);
    int x0, x1, y0, y1;
    pixel_span(p, f->x, reach, &x0, &x1);
    pixel_span(p, f->y, reach, &y0, &y1);
    for (int y = y0; y < y1; y++)
        for (int x = x0; x < x1; x++) {
            float dx = (pixel_centre(p, x) - f->x) / f->scale, dy = (pixel_centre(p, y) - f->y) / f->scale;
            float u = dx * c + dy * n, v = dy * c - dx * n;
            if (f->mirrored) u = -u;
            picture_rgb_t *pixel = &p->pixels[y * p->size + x];
            for (int i = 0; i < count; i++) {
                float d = part_distance(&parts[i], u, v) / edge;
                if (d >= 1.5f) continue;
                picture_rgb_t colour = part_colour(f, &parts[i], u, v);
                /* A darker rim, so that a part stands out from one of the same colour behind it. */
                blend(pixel, rgb_scale(colour, 0.6f), 0.6f * clampf(1.5f - d, 0, 1));
                blend(pixel, colour, clampf(0.5f - d, 0, 1));
            }
        }
}
