/* The one thing of EXIF data that a picture needs: how it is to be turned. The tag stands at a fixed place of a small table, so that its
 * bounded walk is shorter than the use of a library that reads everything else as well, makers' own notes included. */
#ifndef SIDMILL_VISION_EXIF_H
#define SIDMILL_VISION_EXIF_H

#include <stddef.h>

#include "vision/pixels.h"

/* The orientation, 1 to 8, that EXIF data has, with or without "Exif\0\0" before it; 1 where it has none. Takes any bytes. */
int exif_orientation(const unsigned char *bytes, size_t n);

/* The same of a whole JPEG or PNG file. */
int exif_orientation_jpeg(const unsigned char *bytes, size_t n);
int exif_orientation_png(const unsigned char *bytes, size_t n);

/* Turns and mirrors a picture from an orientation to 1. */
void exif_turn_upright(pixels_t *p, int orientation);

#endif
