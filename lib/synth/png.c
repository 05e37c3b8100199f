/* The one place where stb_image_write is compiled. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "synth/picture.h"

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wshadow"
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wextra"
#pragma GCC diagnostic ignored "-Wunused-function"
#define STB_IMAGE_WRITE_IMPLEMENTATION
#define STBI_WRITE_NO_STDIO
#include <stb/stb_image_write.h>
#pragma GCC diagnostic pop

/* Clamps, in an order of comparisons by which NaN gives 0. */
static unsigned char to_byte(float x)
{
    return (unsigned char)(x >= 1 ? 255 : x > 0 ? (int)(x * 255 + 0.5f) : 0);
}

unsigned char *picture_png(const picture_t *p, size_t *len)
{
    size_t count = size_mul((size_t)p->size, (size_t)p->size);
    unsigned char *rgb = xmalloc(size_mul(count, 3));
    for (size_t i = 0; i < count; i++) {
        rgb[3 * i] = to_byte(p->pixels[i].r);
        rgb[3 * i + 1] = to_byte(p->pixels[i].g);
        rgb[3 * i + 2] = to_byte(p->pixels[i].b);
    }
    int n = 0;
    unsigned char *png = stbi_write_png_to_mem(rgb, 3 * p->size, p->size, p->size, 3, &n);
    if (!png) die(EX_OSERR, "out of memory encoding a picture of %d x %d", p->size, p->size);
    free(rgb);
    *len = (size_t)n;
    return png;
}
