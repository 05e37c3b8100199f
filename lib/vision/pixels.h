/* Pictures as pixels; see vision/decode.h for where they come from. */
#ifndef SIDMILL_VISION_PIXELS_H
#define SIDMILL_VISION_PIXELS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
    PIXELS_MAX_FILE = 32 << 20,    /* bytes: image_file_read()'s usual limit */
    PIXELS_MAX_COUNT = 50000000    /* pixels: the usual `max_pixels` */
};

typedef struct {
    int width, height;
    unsigned char *rgb;  /* [height * width * 3], row by row from the top, sRGB; owned */
    bool turned;         /* its file has it otherwise, and says so */
} pixels_t;

/* Bytes that decoding and holding a picture of `count` pixels may take; for sandbox_options_t.memory. */
size_t pixels_memory(int64_t count);

/* The picture scaled to exactly width x height, each at least 1, by area average: the mean, in sRGB values, over what a new
 * pixel covers. Meant for shrinking; enlarging repeats pixels. */
pixels_t pixels_resize(const pixels_t *p, int width, int height);

/* The picture itself, or, where a side is longer than `max_side`, shrunk so that the longer one is max_side; always a copy.
 * */
pixels_t pixels_fit(const pixels_t *p, int max_side);

void pixels_free(pixels_t *p);

/* Appends the picture as a baseline JPEG of `quality` 1 to 100. */
void pixels_jpeg(const pixels_t *p, int quality, buf_t *out);

#endif
