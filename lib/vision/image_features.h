/* What a picture looks like, in numbers that need no training: colours, edges, texture and layout. */
#ifndef SIDMILL_VISION_IMAGE_FEATURES_H
#define SIDMILL_VISION_IMAGE_FEATURES_H

enum {
    IMAGE_SIDE = 96,                       /* longer sides are shrunk to this; the proportions are given up */
    IMAGE_LIGHT = 5, IMAGE_CHROMA = 5,     /* levels of L, and of a and b each */
    IMAGE_COLOURS = IMAGE_LIGHT * IMAGE_CHROMA * IMAGE_CHROMA,
    IMAGE_CELLS = 6, IMAGE_ANGLES = 8,     /* cells a side, orientations over half a turn */
    IMAGE_SCALES = 3,                      /* of texture: full, half, quarter size */
    IMAGE_LAYOUT = 8,                      /* patches a side */
    IMAGE_FEATURES = 2 * IMAGE_COLOURS + IMAGE_CELLS * IMAGE_CELLS * IMAGE_ANGLES + 2 * IMAGE_SCALES * IMAGE_ANGLES +
                     3 * IMAGE_LAYOUT * IMAGE_LAYOUT,
};

/* The features [IMAGE_FEATURES] of a picture of width x height >= 1 sRGB pixels, row by row. Four blocks, each of length 1 or
 * less, all computed in CIELAB (D65) on the picture shrunk by area average:
 *   colour   two histograms over L, a and b, of the middle and of the rim, each pixel shared among the nearest bins; square roots
 *   edges    orientations of the gradient of L in a grid of cells, each cell against its neighbourhood
 *   texture  the strength of edges by orientation at three scales, of the middle and of the rim; square roots
 *   layout   the mean L, a and b of a grid of patches */
void image_features(const unsigned char *rgb, int width, int height, float *f);

#endif
