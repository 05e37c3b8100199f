/* A small anti-aliased rasteriser: shapes given by signed distances, painted over each other on a square canvas. */
#ifndef SIDMILL_SYNTH_PICTURE_H
#define SIDMILL_SYNTH_PICTURE_H

#include <stddef.h>

typedef struct { float r, g, b; } picture_rgb_t; /* 0 to 1 */

/* The canvas spans [0, 1] x [0, 1], y downwards. */
typedef struct {
    int size;      /* pixels a side */
    picture_rgb_t *pixels; /* [size * size], row by row */
} picture_t;

typedef enum { PART_BOX, PART_ELLIPSE, PART_RING, PART_TRAPEZOID } picture_shape_t;
typedef enum { PAINT_BODY, PAINT_TRIM, PAINT_DARK, PAINT_METAL, PAINT_PALE, PAINTS } picture_paint_t;
typedef enum {
    PATTERN_NONE, PATTERN_CHECKS, PATTERN_DOTS, PATTERN_BANDS, PATTERN_PINSTRIPES, PATTERN_DIAGONALS, PATTERN_CHEVRONS
} picture_pattern_t;

/* One part of a figure, in the figure's own frame: the figure spans about [-0.5, 0.5] both ways. */
typedef struct {
    picture_shape_t shape;
    float x, y, w, h; /* centre and full extent */
    float extra;      /* box: corner radius; ring: line width; trapezoid: width at the top over width at the bottom */
    float angle;      /* radians */
    picture_paint_t paint;
} picture_part_t;

/* Where a figure stands and what it is painted with. PAINT_BODY is patterned with PAINT_TRIM. */
typedef struct {
    float x, y, scale, angle;
    int mirrored;
    picture_rgb_t paints[PAINTS];
    picture_pattern_t pattern;
    float pattern_depth;  /* 0: invisible, 1: full contrast between body and trim */
    float pattern_period; /* in the figure's frame */
    float pattern_phase;  /* in periods */
} picture_figure_t;

/* A black canvas of `size` pixels a side. */
picture_t picture_new(int size);
void picture_free(picture_t *p);

picture_rgb_t rgb_mix(picture_rgb_t a, picture_rgb_t b, float t); /* a at t = 0, b at t = 1 */
picture_rgb_t rgb_scale(picture_rgb_t c, float by);

/* Fills the canvas from the colour at its top to that at its bottom. */
void picture_gradient(picture_t *p, picture_rgb_t top, picture_rgb_t bottom);

/* Paints one shape, in canvas coordinates, with `alpha` in [0, 1]; edges are smoothed over `soft` (at least one pixel). */
void picture_shape(picture_t *p, const picture_part_t *shape, picture_rgb_t colour, float alpha, float soft);

/* Paints a figure's parts in order, lit from above. */
void picture_figure(picture_t *p, const picture_figure_t *f, const picture_part_t *parts, int count);

/* The picture as PNG, 8 bits a channel; out-of-range values are clamped. Caller frees. Safe from any thread. */
unsigned char *picture_png(const picture_t *p, size_t *len);

#endif
