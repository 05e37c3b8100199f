/* What decode.c asks the decoders of single formats; all take any bytes, and none starts a thread. */
#ifndef SIDMILL_VISION_FORMAT_H
#define SIDMILL_VISION_FORMAT_H

#include "base/err.h"
#include "vision/pixels.h"

/* A picture as its file has it, before it is turned upright. */
typedef struct {
    pixels_t pixels;
    int orientation;  /* as EXIF counts, 1 to 8; 1 and whatever else: upright */
} decoded_t;

/* Each decodes the first picture of a file of its format, transparency laid over white. NULL; or why it is refused, a text that lasts
 * until this thread's next call, and then there is nothing to free. Files made without the format's library refuse all. */
const char *webp_decode(const unsigned char *bytes, size_t n, int64_t max_pixels, decoded_t *out);
const char *avif_decode(const unsigned char *bytes, size_t n, int64_t max_pixels, decoded_t *out);
const char *tiff_decode(const unsigned char *bytes, size_t n, int64_t max_pixels, decoded_t *out);

/* A text in a buffer of this thread's. */
const char *decode_refuse(const char *fmt, ...) PRINTF_LIKE(1, 2);

/* Why a picture of such a size is refused; NULL: it is not. */
const char *decode_check_size(int64_t width, int64_t height, int64_t max_pixels);

/* One value of a pixel with `alpha`, over white. */
unsigned char decode_over_white(unsigned value, unsigned alpha);

#endif
