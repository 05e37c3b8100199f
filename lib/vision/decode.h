/* Files to pixels. The one place that decodes images: what comes in is untrusted, so tools call pixels_decode() inside a worker of
 * vision/sandbox.h; the limits here hold in any process. */
#ifndef SIDMILL_VISION_DECODE_H
#define SIDMILL_VISION_DECODE_H

#include "vision/pixels.h"

/* Decodes a JPEG, PNG, GIF, BMP or, with the libraries that sidmill was built with, WebP, AVIF or TIFF; of several pictures the first.
 * Transparency is laid over white; what is not upright, as EXIF data or the format's own have it, is turned. The size in the header is checked against `max_pixels` before anything is decoded, and stb_image's memory is bounded
 * by pixels_memory() of the picture's own size; that of the other decoders by the worker's limits. Returns NULL, or why the picture is refused: a text that lasts until this
 * thread's next call. */
const char *pixels_decode(const unsigned char *bytes, size_t n, int64_t max_pixels, pixels_t *out);

#endif
