/* WebP by libwebp; of an animation the first frame, where it lies on the canvas. */
#include "vision/format.h"

#ifndef HAVE_WEBP

const char *webp_decode(const unsigned char *bytes, size_t n, int64_t max_pixels, decoded_t *out)
{
    (void)bytes, (void)n, (void)max_pixels, (void)out;
    return "a WebP image, which this sidmill cannot read: it was built without libwebp";
}

#else

#include <stdlib.h>
#include <string.h>
#include <webp/decode.h>
#include <webp/demux.h>

#include "base/mem.h"
#include "vision/exif.h"

static const char damaged[] = "the image is damaged (WebP)";

/* Lays the frame, RGBA, onto the canvas, which is white. */
static void lay(const WebPIterator *f, const unsigned char *rgba, pixels_t *canvas)
{
    for (int y = 0; y < f->height; y++) {
        const unsigned char *from = rgba + 4 * (size_t)y * (size_t)f->width;
        unsigned char *to = canvas->rgb + 3 * ((size_t)(y + f->y_offset) * (size_t)canvas->width + (size_t)f->x_offset);
        for (int x = 0; x < f->width; x++, from += 4)
            for (int c = 0; c < 3; c++) *to++ = decode_over_white(from[c], from[3]);
    }
}

static const char *decode_frame(const WebPIterator *f, pixels_t *canvas)
{
    WebPBitstreamFeatures head;
    if (WebPGetFeatures(f->fragment.bytes, f->fragment.size, &head) != VP8_STATUS_OK || head.width != f->width || head.height != f->height ||
        f->x_offset < 0 || f->y_offset < 0 || f->width > canvas->width - f->x_offset || f->height > canvas->height - f->y_offset)
        return damaged;
    size_t stride = 4 * (size_t)f->width, size = size_mul(stride, (size_t)f->height);
    unsigned char *rgba = malloc(size);
    if (!rgba) return "the image takes too much memory";
    bool good = WebPDecodeRGBAInto(f->fragment.bytes, f->fragment.size, rgba, size, (int)stride) != NULL;
    if (good) lay(f, rgba, canvas);
    free(rgba);
    return good ? NULL : damaged;
}

static int orientation_of(const WebPDemuxer *d)
{
    WebPChunkIterator chunk;
    int orientation = 1;
    if (WebPDemuxGetChunk(d, "EXIF", 1, &chunk)) orientation = exif_orientation(chunk.chunk.bytes, chunk.chunk.size);
    WebPDemuxReleaseChunkIterator(&chunk);
    return orientation;
}

static const char *decode_first(const WebPDemuxer *d, int64_t max_pixels, decoded_t *out)
{
    int64_t width = WebPDemuxGetI(d, WEBP_FF_CANVAS_WIDTH), height = WebPDemuxGetI(d, WEBP_FF_CANVAS_HEIGHT);
    const char *why = decode_check_size(width, height, max_pixels);
    WebPIterator f;
    if (why) return why;
    if (!WebPDemuxGetFrame(d, 1, &f)) return damaged;
    size_t size = size_mul(size_mul((size_t)width, (size_t)height), 3);
    out->pixels = (pixels_t){.width = (int)width, .height = (int)height, .rgb = xmalloc(size)};
    memset(out->pixels.rgb, 255, size);
    why = decode_frame(&f, &out->pixels);
    WebPDemuxReleaseIterator(&f);
    if (why) pixels_free(&out->pixels);
    return why;
}

const char *webp_decode(const unsigned char *bytes, size_t n, int64_t max_pixels, decoded_t *out)
{
    const WebPData data = {bytes, n};
    WebPDemuxer *d = WebPDemux(&data);
    if (!d) return damaged;
    const char *why = decode_first(d, max_pixels, out);
    if (!why) out->orientation = orientation_of(d);
    WebPDemuxDelete(d);
    return why;
}

#endif
