/* Pictures as pixels. The one place that decodes images: what comes in is untrusted, so tools call pixels_decode() inside a
 * worker of vision/sandbox.h; the limits here hold in any process. */
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

/* Decodes a JPEG, PNG, GIF, BMP or, with the libraries that sidmill was built with, WebP, AVIF or TIFF; of several pictures the first.
 * Transparency is laid over white; what is not upright, as EXIF data or the format's own have it, is turned. The size in the header is checked against `max_pixels` before anything is decoded, and stb_image's memory is bounded
 * by pixels_memory() of the picture's own size; that of the other decoders by the worker's limits. Returns NULL, or why the picture is refused: a text that lasts until this
 * thread's next call. */
const char *pixels_decode(const unsigned char *bytes, size_t n, int64_t max_pixels, pixels_t *out);

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
