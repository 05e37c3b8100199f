#include "vision/decode.h"

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "vision/exif.h"
#include "vision/format.h"
#include "vision/jpeg_segments.h"
#include "vision/stb_decode.h"

/* Interleaved `channels` (1, 2 or 4) to RGB. */
static unsigned char *to_rgb(const unsigned char *in, size_t count, int channels)
{
    unsigned char *rgb = xmalloc(size_mul(count, 3));
    for (size_t i = 0; i < count; i++) {
        const unsigned char *p = in + i * (size_t)channels;
        unsigned alpha = channels % 2 ? 255 : p[channels - 1];
        for (int c = 0; c < 3; c++) rgb[3 * i + (size_t)c] = decode_over_white(p[channels > 2 ? c : 0], alpha);
    }
    return rgb;
}

/* --- Formats ----------------------------------------------------------------------------------------------------------- */

static bool begins(const unsigned char *bytes, size_t n, const char *with, size_t length)
{
    return n >= length && !memcmp(bytes, with, length);
}

static bool is_jpeg(const unsigned char *b, size_t n) { return begins(b, n, "\xff\xd8", 2); }
static bool is_png(const unsigned char *b, size_t n) { return begins(b, n, "\x89PNG", 4); }

/* What stb_image decodes: JPEG, PNG, GIF and BMP. */
static const char *decode_by_stb(const unsigned char *bytes, size_t n, int64_t max_pixels, decoded_t *out)
{
    int width = 0, height = 0, channels = 0;
    if (n > INT_MAX || !stb_info(bytes, (int)n, &width, &height))
        return "not a JPEG, PNG, GIF, BMP, WebP, AVIF or TIFF image that can be read";
    const char *why = decode_check_size(width, height, max_pixels);
    if (!why && is_jpeg(bytes, n)) why = jpeg_check_colours(bytes, n);
    if (why) return why;
    int64_t count = (int64_t)width * height;
    unsigned char *p = stb_decode(bytes, (int)n, pixels_memory(count), &width, &height, &channels);
    if (!p) return decode_refuse("the image is damaged (%s)", stb_why());
    if ((int64_t)width * height != count || channels < 1 || channels > 4) {
        free(p);
        return "the image is damaged (its headers disagree)";
    }
    out->pixels = (pixels_t){.width = width, .height = height, .rgb = p};
    if (channels != 3) {
        out->pixels.rgb = to_rgb(p, (size_t)count, channels);
        free(p);
    }
    if (is_jpeg(bytes, n)) out->orientation = exif_orientation_jpeg(bytes, n);
    if (is_png(bytes, n)) out->orientation = exif_orientation_png(bytes, n);
    return NULL;
}

static const char *decode(const unsigned char *bytes, size_t n, int64_t max_pixels, decoded_t *out)
{
    if (begins(bytes, n, "RIFF", 4) && n >= 12 && !memcmp(bytes + 8, "WEBP", 4)) return webp_decode(bytes, n, max_pixels, out);
    if (n >= 12 && (!memcmp(bytes + 4, "ftypavif", 8) || !memcmp(bytes + 4, "ftypavis", 8))) return avif_decode(bytes, n, max_pixels, out);
    if (begins(bytes, n, "II*\0", 4) || begins(bytes, n, "MM\0*", 4) || begins(bytes, n, "II+\0", 4) || begins(bytes, n, "MM\0+", 4))
        return tiff_decode(bytes, n, max_pixels, out);
    return decode_by_stb(bytes, n, max_pixels, out);
}

const char *pixels_decode(const unsigned char *bytes, size_t n, int64_t max_pixels, pixels_t *out)
{
    decoded_t d = {.orientation = 1};
    *out = (pixels_t){0};
    const char *why = n ? decode(bytes, n, max_pixels, &d) : "the image is empty";
    if (why) return why;
    *out = d.pixels;
    exif_turn_upright(out, d.orientation);
    out->turned = d.orientation > 1;
    return NULL;
}
