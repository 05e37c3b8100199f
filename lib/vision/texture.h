/* Edges within a part of a picture: how many, and which way they run. */
#ifndef SIDMILL_VISION_TEXTURE_H
#define SIDMILL_VISION_TEXTURE_H

#include "vision/colour.h"

typedef struct {
    int pixels;         /* looked at: those of the part whose neighbours belong to it as well */
    float density;      /* share of them that are edges, 0 to 1 */
    float strength;     /* mean step of an edge, Delta E */
    float direction[4]; /* shares of the edges that run upright, rising, level, falling (left to right); they
                         * sum to 1, or are 0 without edges */
} texture_t;

/* Measures the pixels where `part` [height * width] is `value`. */
texture_t texture_measure(const colour_image_t *image, const unsigned char *part, unsigned char value);

/* In words: "a plain surface", "vertical stripes", "checks", ... */
const char *texture_pattern(const texture_t *t);

#endif
