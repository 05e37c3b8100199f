/* TIFF by libtiff; of several pages the first. */
#include "vision/format.h"

#ifndef HAVE_TIFF

const char *tiff_decode(const unsigned char *bytes, size_t n, int64_t max_pixels, decoded_t *out)
{
    (void)bytes, (void)n, (void)max_pixels, (void)out;
    return "a TIFF image, which this sidmill cannot read: it was built without libtiff";
}

#else

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <tiffio.h>

#include "base/mem.h"

/* --- A file in memory -------------------------------------------------------------------------------------------------- */

typedef struct {
    const unsigned char *bytes;
    uint64_t n, at;
} memory_t;

static tmsize_t read_memory(thandle_t handle, void *to, tmsize_t n)
{
    memory_t *m = handle;
    uint64_t left = m->at < m->n ? m->n - m->at : 0;
    if (n < 0) return -1;
    if ((uint64_t)n < left) left = (uint64_t)n;
    memcpy(to, m->bytes + (left ? m->at : 0), left);
    m->at += left;
    return (tmsize_t)left;
}

static tmsize_t write_memory(thandle_t handle, void *from, tmsize_t n)
{
    (void)handle, (void)from, (void)n;
    return -1;
}

static toff_t seek_memory(thandle_t handle, toff_t offset, int whence)
{
    memory_t *m = handle;
    m->at = whence == SEEK_CUR ? m->at + offset : whence == SEEK_END ? m->n + offset : offset;
    return m->at;
}

static int close_memory(thandle_t handle)
{
    (void)handle;
    return 0;
}

static toff_t size_of_memory(thandle_t handle) { return ((memory_t *)handle)->n; }

static int keep_quiet(TIFF *t, void *ctx, const char *module, const char *fmt, va_list ap)
{
    (void)t, (void)ctx, (void)module, (void)fmt, (void)ap;
    return 1;
}

static TIFF *open_memory(memory_t *m, size_t most)
{
    TIFFOpenOptions *o = TIFFOpenOptionsAlloc();
    if (!o) return NULL;
    TIFFOpenOptionsSetMaxSingleMemAlloc(o, (tmsize_t)most);
    TIFFOpenOptionsSetErrorHandlerExtR(o, keep_quiet, NULL);
    TIFFOpenOptionsSetWarningHandlerExtR(o, keep_quiet, NULL);
    /* m: not mapped */
    TIFF *t = TIFFClientOpenExt("image", "rm", m, read_memory, write_memory, seek_memory, close_memory, size_of_memory, NULL, NULL, o);
    TIFFOpenOptionsFree(o);
    return t;
}

/* --- Its picture ------------------------------------------------------------------------------------------------------- */

/* libtiff multiplies by alpha itself. */
static pixels_t to_rgb(const uint32_t *raster, uint32_t width, uint32_t height)
{
    size_t count = (size_t)width * height;
    pixels_t p = {.width = (int)width, .height = (int)height, .rgb = xmalloc(size_mul(count, 3))};
    for (size_t i = 0; i < count; i++) {
        unsigned white = 255 - TIFFGetA(raster[i]), c[] = {TIFFGetR(raster[i]), TIFFGetG(raster[i]), TIFFGetB(raster[i])};
        for (int k = 0; k < 3; k++) p.rgb[3 * i + (size_t)k] = (unsigned char)(c[k] + white > 255 ? 255 : c[k] + white);
    }
    return p;
}

static const char *decode_page(TIFFRGBAImage *image, decoded_t *out)
{
    uint32_t *raster = malloc(size_mul(size_mul(image->width, image->height), sizeof *raster));
    if (!raster) return "the image takes too much memory";
    image->req_orientation = image->orientation; /* rows as they are stored: turning is done elsewhere, for all formats */
    bool good = TIFFRGBAImageGet(image, raster, image->width, image->height);
    if (good) *out = (decoded_t){to_rgb(raster, image->width, image->height), image->orientation};
    free(raster);
    return good ? NULL : "the image is damaged (TIFF)";
}

static const char *decode_first(TIFF *t, int64_t max_pixels, decoded_t *out)
{
    uint32_t width = 0, height = 0;
    TIFFGetField(t, TIFFTAG_IMAGEWIDTH, &width);
    TIFFGetField(t, TIFFTAG_IMAGELENGTH, &height);
    const char *why = decode_check_size(width, height, max_pixels);
    char reason[1024] = "";
    TIFFRGBAImage image;
    if (why) return why;
    if (!TIFFRGBAImageOK(t, reason) || !TIFFRGBAImageBegin(&image, t, 1, reason)) return decode_refuse("the image cannot be read (TIFF: %.150s)", reason);
    why = decode_page(&image, out);
    TIFFRGBAImageEnd(&image);
    return why;
}

const char *tiff_decode(const unsigned char *bytes, size_t n, int64_t max_pixels, decoded_t *out)
{
    memory_t m = {bytes, n, 0};
    TIFF *t = open_memory(&m, pixels_memory(max_pixels));
    if (!t) return "the image is damaged (TIFF)";
    const char *why = decode_first(t, max_pixels, out);
    TIFFClose(t);
    return why;
}

#endif
