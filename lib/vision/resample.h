/* Bicubic resampling of 8-bit pictures, bit for bit as Pillow's Image.resize(size, BICUBIC) does it: the filter stretched with
 * the reduction (antialiasing), a = -0.5, rows first and columns after with 8 bits in between, weights of 22 bits. Models
 * that were trained on such pictures expect them; stb's resizer gives others. */
#ifndef SIDMILL_VISION_RESAMPLE_H
#define SIDMILL_VISION_RESAMPLE_H

#include <stdint.h>

/* A part of the resized picture. */
typedef struct {
    int64_t left, top, width, height;
} resample_window_t;

/* Resizes rgb [height, width, 3] to [to_height, to_width, 3] and writes the window of that to out [part.height, part.width, 3];
 * only what the window needs is computed. All extents are at least 1 and below 2^40, the window lies within the result. */
void resample_bicubic(const uint8_t *rgb, int64_t width, int64_t height, int64_t to_width, int64_t to_height,
                      resample_window_t part, uint8_t *out);

#endif
