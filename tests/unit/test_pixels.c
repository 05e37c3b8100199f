/* Pictures in and out: formats, transparency, scaling, and hostile bytes. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "synth/picture.h"
#include "unit.h"
#include "vision/decode.h"
#include "vision/pixels.h"

static pixels_t gradient(int width, int height)
{
    pixels_t p = {.width = width, .height = height, .rgb = xmalloc((size_t)(width * height * 3))};
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++) {
            unsigned char *c = p.rgb + 3 * (y * width + x);
            c[0] = (unsigned char)(x * 255 / width);
            c[1] = (unsigned char)(y * 255 / height);
            c[2] = 90;
        }
    return p;
}

static const char *decode(const void *bytes, size_t n, pixels_t *out)
{
    return pixels_decode(bytes, n, PIXELS_MAX_COUNT, out);
}

TEST(jpeg_comes_back)
{
    pixels_t p = gradient(61, 37), q;
    buf_t jpeg = {0};
    pixels_jpeg(&p, 95, &jpeg);
    CHECK(!decode(jpeg.data, jpeg.len, &q));
    CHECK(q.width == 61 && q.height == 37);
    int worst = 0;
    for (int i = 0; q.rgb && i < 61 * 37 * 3; i++) {
        int off = abs(p.rgb[i] - q.rgb[i]);
        worst = off > worst ? off : worst;
    }
    CHECK(worst <= 12);
    pixels_free(&q);
    pixels_free(&p);
    buf_free(&jpeg);
}

TEST(png_comes_back_exactly)
{
    picture_t p = picture_new(9);
    for (int i = 0; i < 81; i++) p.pixels[i] = (picture_rgb_t){(float)i / 80, 1, 0};
    size_t n;
    unsigned char *png = picture_png(&p, &n);
    pixels_t q;
    CHECK(!decode(png, n, &q));
    CHECK(q.width == 9 && q.height == 9);
    for (int i = 0; i < 81; i++) {
        const unsigned char *c = q.rgb + 3 * i;
        CHECK(c[0] == (int)((float)i / 80 * 255 + 0.5f) && c[1] == 255 && c[2] == 0);
    }
    pixels_free(&q);
    for (size_t cut = 0; cut < n; cut++) { /* no prefix crashes; those without all pixels are refused */
        const char *why = decode(png, cut, &q);
        CHECK(why || q.width == 9);
        CHECK(why || cut > n / 2);
        pixels_free(&q);
    }
    free(png);
    picture_free(&p);
}

/* An uncompressed 32-bit BMP with alpha: one row, blue at alpha 0, 128 and 255. */
TEST(transparency_is_laid_over_white)
{
    unsigned char bmp[14 + 108 + 12] = {'B', 'M'};
    bmp[10] = 14 + 108;
    bmp[14] = 108;
    bmp[18] = 3;
    bmp[22] = 1;
    bmp[26] = 1;
    bmp[28] = 32;
    bmp[30] = 3; /* masks follow */
    static const unsigned char masks[16] = {0, 0, 255, 0, 0, 255, 0, 0, 255, 0, 0, 0, 0, 0, 0, 255};
    memcpy(bmp + 14 + 40, masks, sizeof masks);
    static const unsigned char row[12] = {255, 0, 0, 0, 255, 0, 0, 128, 255, 0, 0, 255};
    memcpy(bmp + 14 + 108, row, sizeof row);
    pixels_t p;
    CHECK(!decode(bmp, sizeof bmp, &p));
    static const unsigned char expected[9] = {255, 255, 255, 127, 127, 255, 0, 0, 255};
    CHECK(p.width == 3 && p.height == 1 && p.rgb && !memcmp(p.rgb, expected, 9));
    pixels_free(&p);
}

TEST(grey_becomes_rgb)
{
    /* A 1 x 1 GIF, white. */
    static const unsigned char gif[] = "GIF89a\1\0\1\0\200\0\0\377\377\377\0\0\0,\0\0\0\0\1\0\1\0\0\2\2D\1\0;";
    pixels_t p;
    CHECK(!decode(gif, sizeof gif - 1, &p));
    CHECK(p.width == 1 && p.height == 1 && p.rgb && p.rgb[0] == 255 && p.rgb[2] == 255);
    pixels_free(&p);
}

TEST(what_is_no_image_is_refused)
{
    pixels_t p;
    CHECK(strstr(decode("", 0, &p), "empty"));
    CHECK(strstr(decode("hello, world", 12, &p), "not a JPEG"));
    CHECK(!p.rgb);
    unsigned char noise[4096];
    for (int k = 0; k < 64; k++) {
        for (size_t i = 0; i < sizeof noise; i++) noise[i] = (unsigned char)((i * 2654435761u + (unsigned)k * 40503u) >> 13);
        memcpy(noise, k % 2 ? "\xff\xd8\xff\xe0" : "\x89PNG\r\n\x1a\n", k % 2 ? 4 : 8);
        CHECK(decode(noise, sizeof noise, &p));
        CHECK(!p.rgb);
    }
}

/* PNG headers that claim 65535 x 65535, which the decoder's header check refuses already, and 16000 x 16000. */
TEST(size_is_checked_before_decoding)
{
    unsigned char png[] = "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\xff\0\0\xff\xff\x08\2\0\0\0\0\0\0\0\0\0\0\0IDAT";
    pixels_t p;
    CHECK(decode(png, sizeof png - 1, &p));
    png[18] = png[22] = 16000 >> 8;
    png[19] = png[23] = 16000 & 255;
    CHECK(strstr(decode(png, sizeof png - 1, &p), "16000 x 16000 pixels, more than 50000000"));
    pixels_t q = gradient(50, 40);
    buf_t jpeg = {0};
    pixels_jpeg(&q, 50, &jpeg);
    CHECK(strstr(pixels_decode((unsigned char *)jpeg.data, jpeg.len, 1999, &p), "50 x 40 pixels, more than 1999"));
    CHECK(!pixels_decode((unsigned char *)jpeg.data, jpeg.len, 2000, &p));
    pixels_free(&p);
    pixels_free(&q);
    buf_free(&jpeg);
}

TEST(damaged_jpegs_do_not_crash)
{
    pixels_t p = gradient(64, 64), q;
    buf_t jpeg = {0}, bad = {0};
    pixels_jpeg(&p, 80, &jpeg);
    for (size_t k = 0; k < 3000; k++) {
        buf_clear(&bad);
        buf_add(&bad, jpeg.data, jpeg.len);
        for (size_t j = 0; j < 3; j++) bad.data[(k * 7919 + j * 104729) % bad.len] ^= (char)(1 + k % 255);
        (void)decode(bad.data, bad.len, &q);
        pixels_free(&q);
    }
    CHECK(decode(jpeg.data, jpeg.len / 3, &q) != NULL);
    CHECK(decode(jpeg.data, 100, &q) != NULL);
    pixels_free(&p);
    buf_free(&jpeg);
    buf_free(&bad);
}

TEST(resizing_averages_areas)
{
    unsigned char rgb[4 * 2 * 3] = {0};
    for (int i = 0; i < 8; i++) rgb[3 * i] = (unsigned char)(i * 12);
    pixels_t p = {.width = 4, .height = 2, .rgb = rgb}, q = pixels_resize(&p, 2, 1);
    CHECK(q.width == 2 && q.height == 1);
    CHECK(q.rgb[0] == 30 && q.rgb[3] == 54); /* (0+12+48+60)/4, (24+36+72+84)/4 */
    pixels_free(&q);
    q = pixels_resize(&p, 3, 2); /* (3*0+12)/4, (2*12+2*24)/4, (24+3*36)/4 */
    CHECK(q.rgb[0] == 3 && q.rgb[3] == 18 && q.rgb[6] == 33);
    pixels_free(&q);
    q = pixels_resize(&p, 8, 4);
    CHECK(q.rgb[0] == 0 && q.rgb[3] == 0 && q.rgb[6] == 12 && q.rgb[3 * 31] == 84);
    pixels_free(&q);
    pixels_t flat = gradient(97, 131);
    memset(flat.rgb, 200, 97 * 131 * 3);
    q = pixels_resize(&flat, 13, 7);
    for (int i = 0; i < 13 * 7 * 3; i++) CHECK(q.rgb[i] == 200);
    pixels_free(&q);
    pixels_free(&flat);
}

TEST(fitting_keeps_the_shape)
{
    pixels_t p = gradient(200, 100), q = pixels_fit(&p, 50);
    CHECK(q.width == 50 && q.height == 25);
    pixels_free(&q);
    q = pixels_fit(&p, 200);
    CHECK(q.width == 200 && q.height == 100 && !memcmp(p.rgb, q.rgb, 200 * 100 * 3));
    pixels_free(&q);
    pixels_free(&p);
    p = gradient(1000, 1);
    q = pixels_fit(&p, 10);
    CHECK(q.width == 10 && q.height == 1);
    pixels_free(&q);
    pixels_free(&p);
}

UNIT_MAIN(UNIT(jpeg_comes_back), UNIT(png_comes_back_exactly), UNIT(transparency_is_laid_over_white), UNIT(grey_becomes_rgb),
          UNIT(what_is_no_image_is_refused), UNIT(size_is_checked_before_decoding), UNIT(damaged_jpegs_do_not_crash),
          UNIT(resizing_averages_areas), UNIT(fitting_keeps_the_shape))
