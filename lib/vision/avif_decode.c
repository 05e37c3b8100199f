/* AVIF by libavif; of a sequence the first picture. */
#include "vision/format.h"

#ifndef HAVE_AVIF

const char *avif_decode(const unsigned char *bytes, size_t n, int64_t max_pixels, decoded_t *out)
{
    (void)bytes, (void)n, (void)max_pixels, (void)out;
    return "an AVIF image, which this sidmill cannot read: it was built without libavif";
}

#else

#include <avif/avif.h>
#include <limits.h>
#include <stdlib.h>

#include "base/mem.h"

/* The turn and the mirror that the file asks for, in this order, as EXIF counts them. Turns are anti-clockwise. */
static int orientation_of(const avifImage *image)
{
    static const int turned[4] = {1, 8, 3, 6}, across[4] = {4, 5, 2, 7} /* top for bottom */, along[4] = {2, 7, 4, 5} /* left for right */;
    int turns = image->transformFlags & AVIF_TRANSFORM_IROT ? image->irot.angle & 3 : 0;
    if (!(image->transformFlags & AVIF_TRANSFORM_IMIR)) return turned[turns];
    return image->imir.mode ? along[turns] : across[turns];
}

/* The part of the picture that is to be seen. */
static avifCropRect crop_of(const avifImage *image)
{
    avifCropRect crop = {0, 0, image->width, image->height};
    avifDiagnostics unused;
    avifDiagnosticsClearError(&unused);
    if (image->transformFlags & AVIF_TRANSFORM_CLAP)
        if (!avifCropRectConvertCleanApertureBox(&crop, &image->clap, image->width, image->height, image->yuvFormat, &unused))
            crop = (avifCropRect){0, 0, image->width, image->height};
    return crop;
}

static pixels_t cropped(const avifRGBImage *rgba, avifCropRect crop)
{
    pixels_t p = {.width = (int)crop.width, .height = (int)crop.height,
                  .rgb = xmalloc(size_mul(size_mul(crop.width, crop.height), 3))};
    unsigned char *to = p.rgb;
    for (size_t y = 0; y < crop.height; y++) {
        const unsigned char *from = rgba->pixels + (y + crop.y) * rgba->rowBytes + 4 * (size_t)crop.x;
        for (size_t x = 0; x < crop.width; x++, from += 4)
            for (int c = 0; c < 3; c++) *to++ = decode_over_white(from[c], from[3]);
    }
    return p;
}

static avifResult convert(const avifImage *image, decoded_t *out)
{
    avifRGBImage rgba;
    avifRGBImageSetDefaults(&rgba, image);
    rgba.depth = 8;
    rgba.format = AVIF_RGB_FORMAT_RGBA;
    rgba.rowBytes = 4 * image->width;
    rgba.pixels = malloc(size_mul(rgba.rowBytes, image->height));
    if (!rgba.pixels) return AVIF_RESULT_OUT_OF_MEMORY;
    avifResult result = avifImageYUVToRGB(image, &rgba);
    if (result == AVIF_RESULT_OK) *out = (decoded_t){cropped(&rgba, crop_of(image)), orientation_of(image)};
    free(rgba.pixels);
    return result;
}

const char *avif_decode(const unsigned char *bytes, size_t n, int64_t max_pixels, decoded_t *out)
{
    avifDecoder *d = avifDecoderCreate();
    if (!d) return "the image takes too much memory";
    d->maxThreads = 1;
    d->ignoreExif = d->ignoreXMP = AVIF_TRUE;
    d->imageSizeLimit = max_pixels < AVIF_DEFAULT_IMAGE_SIZE_LIMIT ? (uint32_t)max_pixels : AVIF_DEFAULT_IMAGE_SIZE_LIMIT;
    d->imageCountLimit = 100000;
    avifResult result = avifDecoderSetIOMemory(d, bytes, n);
    if (result == AVIF_RESULT_OK) result = avifDecoderParse(d);
    const char *why = result == AVIF_RESULT_OK ? decode_check_size(d->image->width, d->image->height, max_pixels) : NULL;
    if (!why && result == AVIF_RESULT_OK) result = avifDecoderNextImage(d);
    if (!why && result == AVIF_RESULT_OK) result = convert(d->image, out);
    if (!why && result != AVIF_RESULT_OK) why = decode_refuse("the image is damaged (AVIF: %s)", avifResultToString(result));
    avifDecoderDestroy(d);
    return why;
}

#endif
