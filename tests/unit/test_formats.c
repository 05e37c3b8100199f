/* WebP, AVIF and TIFF, orientation, and colours that cannot be told: what comes out, and what hostile files cost. */
#include <stdlib.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "unit.h"
#include "vision/decode.h"
#include "vision/exif.h"
#include "vision/pixels.h"
#ifdef HAVE_WEBP
#include <webp/encode.h>
#endif
#ifdef HAVE_AVIF
#include <avif/avif.h>
#endif
#ifdef HAVE_TIFF
#include <tiffio.h>
#endif

enum { WIDTH = 24, HEIGHT = 16 };

/* Red in the upper left quarter, green in the upper right one, blue below. */
static pixels_t quarters(void)
{
    pixels_t p = {.width = WIDTH, .height = HEIGHT, .rgb = xmalloc(3 * WIDTH * HEIGHT)};
    for (int y = 0; y < HEIGHT; y++)
        for (int x = 0; x < WIDTH; x++) {
            unsigned char *c = p.rgb + 3 * (y * WIDTH + x);
            c[0] = c[1] = c[2] = 20;
            c[y >= HEIGHT / 2 ? 2 : x >= WIDTH / 2] = 220;
        }
    return p;
}

/* 'r', 'g' or 'b' at a place given in shares of the sides. */
static char colour_at(const pixels_t *p, double x, double y)
{
    const unsigned char *c = p->rgb + 3 * ((int)(y * p->height) * p->width + (int)(x * p->width));
    return c[0] > 150 && c[1] < 90 && c[2] < 90 ? 'r' : c[1] > 150 && c[0] < 90 ? 'g' : c[2] > 150 && c[0] < 90 ? 'b' : '?';
}

/* The four corners' colours: upper left, upper right, lower left, lower right. */
static bool shows(const pixels_t *p, int width, int height, const char *corners)
{
    char got[5] = {colour_at(p, 0.1, 0.1), colour_at(p, 0.9, 0.1), colour_at(p, 0.1, 0.9), colour_at(p, 0.9, 0.9), 0};
    bool same = p->width == width && p->height == height && !strcmp(got, corners);
    if (!same) printf("# %d x %d %s, expected %d x %d %s\n", p->width, p->height, got, width, height, corners);
    return same;
}

static bool decodes_to(const void *bytes, size_t n, int width, int height, const char *corners)
{
    pixels_t p;
    const char *why = pixels_decode(bytes, n, PIXELS_MAX_COUNT, &p);
    if (why) printf("# %s\n", why);
    bool good = !why && shows(&p, width, height, corners);
    pixels_free(&p);
    return good;
}

static bool refuses(const void *bytes, size_t n, int64_t most, const char *says)
{
    pixels_t p;
    const char *why = pixels_decode(bytes, n, most, &p);
    bool good = why && strstr(why, says) && !p.rgb;
    if (!good) printf("# %s, expected ...%s...\n", why ? why : "a picture", says);
    pixels_free(&p);
    return good;
}

/* Cut anywhere, and with any byte changed: never a crash, whatever comes out. */
static void damage(const unsigned char *bytes, size_t n)
{
    unsigned char *copy = xmalloc(n);
    pixels_t p;
    for (size_t cut = 0; cut < n; cut += 1 + n / 200) {
        memcpy(copy, bytes, cut);
        pixels_decode(copy, cut, 1 << 20, &p);
        pixels_free(&p);
    }
    for (size_t i = 0; i < n; i += 1 + n / 400)
        for (int bit = 0; bit < 8; bit += 7) {
            memcpy(copy, bytes, n);
            copy[i] ^= (unsigned char)(1 << bit);
            if (pixels_decode(copy, n, 1 << 20, &p)) continue;
            CHECK((int64_t)p.width * p.height <= 1 << 20);
            pixels_free(&p);
        }
    free(copy);
}

/* What each of EXIF's orientations makes of the quarters. */
static const struct { int width, height; const char *corners; } turned[9] = {
    [1] = {WIDTH, HEIGHT, "rgbb"}, {WIDTH, HEIGHT, "grbb"}, {WIDTH, HEIGHT, "bbgr"}, {WIDTH, HEIGHT, "bbrg"},
    {HEIGHT, WIDTH, "rbgb"}, {HEIGHT, WIDTH, "brbg"}, {HEIGHT, WIDTH, "bgbr"}, {HEIGHT, WIDTH, "gbrb"},
};

TEST(turning)
{
    for (int o = 1; o <= 8; o++) {
        pixels_t p = quarters();
        exif_turn_upright(&p, o);
        CHECK(shows(&p, turned[o].width, turned[o].height, turned[o].corners));
        pixels_free(&p);
    }
    pixels_t p = quarters();
    exif_turn_upright(&p, 9);
    exif_turn_upright(&p, -1);
    CHECK(shows(&p, WIDTH, HEIGHT, "rgbb"));
    pixels_free(&p);
}

/* EXIF data with an orientation behind another tag, in either order of bytes. */
static size_t exif_block(unsigned char *to, bool big, int orientation)
{
    static const unsigned char little[] = "II*\0\x08\0\0\0\2\0\x0f\1\2\0\1\0\0\0x\0\0\0\x12\1\3\0\1\0\0\0\0\0\0\0\0\0\0",
                               large[] = "MM\0*\0\0\0\x08\0\2\1\x0f\0\2\0\0\0\1x\0\0\0\1\x12\0\3\0\0\0\1\0\0\0\0\0\0\0";
    memcpy(to, big ? large : little, sizeof little - 1);
    to[big ? 31 : 30] = (unsigned char)orientation;
    return sizeof little - 1;
}

TEST(exif_data)
{
    unsigned char block[64], *end;
    for (int big = 0; big < 2; big++) {
        size_t n = exif_block(block, big, 6);
        CHECK(exif_orientation(block, n) == 6);
        for (size_t cut = 0; cut < n; cut++) { /* exactly as long, for the sanitizers */
            end = xmalloc(cut + 1);
            memcpy(end, block, cut);
            CHECK(exif_orientation(end, cut) == (cut >= 34 ? 6 : 1));
            free(end);
        }
        exif_block(block, big, 9);
        CHECK(exif_orientation(block, n) == 1);
        exif_block(block, big, 6);
        memset(block + 4, 0xff, 4); /* a table far away */
        CHECK(exif_orientation(block, n) == 1);
    }
}

/* The quarters as a JPEG, with a segment behind its first two bytes. */
static void jpeg_with(buf_t *out, int marker, const void *bytes, size_t n)
{
    pixels_t p = quarters();
    buf_t jpeg = {0};
    pixels_jpeg(&p, 95, &jpeg);
    buf_add(out, jpeg.data, 2);
    buf_add(out, (unsigned char[]){0xff, (unsigned char)marker, (unsigned char)((n + 2) >> 8), (unsigned char)(n + 2)}, 4);
    buf_add(out, bytes, n);
    buf_add(out, jpeg.data + 2, jpeg.len - 2);
    buf_free(&jpeg);
    pixels_free(&p);
}

TEST(jpegs_are_turned)
{
    for (int o = 1; o <= 8; o++) {
        unsigned char exif[64] = "Exif\0";
        size_t n = 6 + exif_block(exif + 6, o % 2, o);
        buf_t jpeg = {0};
        jpeg_with(&jpeg, 0xe1, exif, n);
        CHECK(decodes_to(jpeg.data, jpeg.len, turned[o].width, turned[o].height, turned[o].corners));
        pixels_t p;
        CHECK(!pixels_decode((unsigned char *)jpeg.data, jpeg.len, 1 << 20, &p) && p.turned == (o > 1));
        pixels_free(&p);
        if (o == 6) damage((unsigned char *)jpeg.data, jpeg.len);
        buf_free(&jpeg);
    }
}

/* A JPEG of four components, 8 x 8, all coefficients zero: the head of one is enough for what is refused before decoding. */
TEST(four_colours_need_a_meaning)
{
    static const unsigned char frame[] = "\xff\xc0\0\x14\x08\0\x08\0\x08\4\1\x11\0\2\x11\0\3\x11\0\4\x11\0";
    buf_t head = {0};
    buf_puts(&head, "\xff\xd8");
    buf_add(&head, frame, sizeof frame - 1);
    CHECK(refuses(head.data, head.len, 1 << 20, "without Adobe's marker"));
    for (int transform = 0; transform < 4; transform++) {
        buf_t marked = {0};
        buf_puts(&marked, "\xff\xd8\xff\xee");
        buf_add(&marked, "\0\x0e" "Adobe\0d\0\0\0\0", 13);
        buf_add(&marked, &(char){(char)transform}, 1);
        buf_add(&marked, frame, sizeof frame - 1);
        CHECK(refuses(marked.data, marked.len, 1 << 20, transform % 2 ? "Adobe marker does not say" : "damaged"));
        buf_free(&marked);
    }
    buf_free(&head);
}

#ifdef HAVE_WEBP
TEST(webp)
{
    pixels_t p = quarters();
    uint8_t *file;
    size_t n = WebPEncodeLosslessRGB(p.rgb, WIDTH, HEIGHT, 3 * WIDTH, &file);
    CHECK(decodes_to(file, n, WIDTH, HEIGHT, "rgbb"));
    CHECK(refuses(file, n, WIDTH * HEIGHT - 1, "24 x 16 pixels, more than 383"));
    CHECK(refuses(file, n - 1, 1 << 20, "damaged"));
    damage(file, n);
    memcpy(file + 21, "\xff\xff\xff\x0f", 4); /* the size in the head */
    CHECK(refuses(file, n, 1 << 20, "the image has 16384 x 16384 pixels, more than"));
    WebPFree(file);
    n = WebPEncodeRGB(p.rgb, WIDTH, HEIGHT, 3 * WIDTH, 90, &file);
    CHECK(decodes_to(file, n, WIDTH, HEIGHT, "rgbb"));
    damage(file, n);
    WebPFree(file);
    pixels_free(&p);
}

static void add_chunk(buf_t *out, const char *name, const void *bytes, size_t n)
{
    buf_add(out, name, 4);
    buf_add(out, (unsigned char[]){(unsigned char)n, (unsigned char)(n >> 8), 0, 0}, 4);
    buf_add(out, bytes, n);
    if (n % 2) buf_add(out, "", 1);
}

/* An extended file: EXIF data, and transparency, which is laid over white. */
TEST(webp_with_exif_and_alpha)
{
    pixels_t p = quarters();
    uint8_t *image;
    size_t n = WebPEncodeLosslessRGB(p.rgb, WIDTH, HEIGHT, 3 * WIDTH, &image);
    unsigned char exif[64];
    size_t exif_n = exif_block(exif, true, 8);
    buf_t chunks = {0}, file = {0};
    buf_puts(&chunks, "WEBP");
    add_chunk(&chunks, "VP8X", (unsigned char[]){8, 0, 0, 0, WIDTH - 1, 0, 0, HEIGHT - 1, 0, 0}, 10);
    buf_add(&chunks, image + 12, n - 12);
    add_chunk(&chunks, "EXIF", exif, exif_n);
    add_chunk(&file, "RIFF", chunks.data, chunks.len);
    CHECK(decodes_to(file.data, file.len, turned[8].width, turned[8].height, turned[8].corners));
    damage((unsigned char *)file.data, file.len);
    WebPFree(image);
    unsigned char clear[4 * 64] = {0};
    n = WebPEncodeLosslessRGBA(clear, 8, 8, 32, &image);
    pixels_t q;
    CHECK(!pixels_decode(image, n, 1 << 20, &q) && q.rgb[0] == 255 && q.rgb[3 * 63] == 255);
    pixels_free(&q);
    WebPFree(image);
    buf_free(&chunks);
    buf_free(&file);
    pixels_free(&p);
}
#else
TEST(webp) { CHECK(refuses("RIFF\4\0\0\0WEBP", 12, 1 << 20, "built without libwebp")); }
TEST(webp_with_exif_and_alpha) {}
#endif

#ifdef HAVE_AVIF
/* The quarters with a turn and a mirror; -1: none. */
static avifRWData avif_of(int angle, int mirror)
{
    pixels_t p = quarters();
    avifImage *image = avifImageCreate(WIDTH, HEIGHT, 8, AVIF_PIXEL_FORMAT_YUV444);
    avifRGBImage rgb;
    avifRGBImageSetDefaults(&rgb, image);
    rgb.format = AVIF_RGB_FORMAT_RGB;
    rgb.pixels = p.rgb;
    rgb.rowBytes = 3 * WIDTH;
    avifImageRGBToYUV(image, &rgb);
    if (angle >= 0) image->transformFlags |= AVIF_TRANSFORM_IROT, image->irot.angle = (uint8_t)angle;
    if (mirror >= 0) image->transformFlags |= AVIF_TRANSFORM_IMIR, image->imir.mode = (uint8_t)mirror;
    avifEncoder *e = avifEncoderCreate();
    e->speed = 10;
    avifRWData data = AVIF_DATA_EMPTY;
    CHECK(avifEncoderWrite(e, image, &data) == AVIF_RESULT_OK);
    avifEncoderDestroy(e);
    avifImageDestroy(image);
    pixels_free(&p);
    return data;
}

TEST(avif)
{
    static const struct { int angle, mirror, as; } cases[] = {
        {-1, -1, 1}, {1, -1, 8}, {2, -1, 3}, {3, -1, 6}, {-1, 0, 4}, {-1, 1, 2}, {1, 0, 5}, {3, 0, 7}, {1, 1, 7}, {2, 1, 4},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        avifRWData file = avif_of(cases[i].angle, cases[i].mirror);
        int o = cases[i].as;
        CHECK(decodes_to(file.data, file.size, turned[o].width, turned[o].height, turned[o].corners));
        if (!i) {
            CHECK(refuses(file.data, file.size, WIDTH * HEIGHT - 1, ""));
            CHECK(refuses(file.data, file.size - 20, 1 << 20, "damaged"));
            CHECK(refuses(file.data, 20, 1 << 20, "damaged"));
            damage(file.data, file.size);
        }
        avifRWDataFree(&file);
    }
}
#else
TEST(avif) { CHECK(refuses("\0\0\0\x14" "ftypavif\0\0\0\0avif", 20, 1 << 20, "built without libavif")); }
#endif

#ifdef HAVE_TIFF
static void tiff_of(buf_t *out, int compression, int orientation)
{
    char path[] = "/tmp/sidmill-tiff-XXXXXX";
    close(mkstemp(path));
    pixels_t p = quarters();
    TIFF *t = TIFFOpen(path, "w");
    TIFFSetField(t, TIFFTAG_IMAGEWIDTH, WIDTH);
    TIFFSetField(t, TIFFTAG_IMAGELENGTH, HEIGHT);
    TIFFSetField(t, TIFFTAG_BITSPERSAMPLE, 8);
    TIFFSetField(t, TIFFTAG_SAMPLESPERPIXEL, 3);
    TIFFSetField(t, TIFFTAG_PHOTOMETRIC, PHOTOMETRIC_RGB);
    TIFFSetField(t, TIFFTAG_PLANARCONFIG, PLANARCONFIG_CONTIG);
    TIFFSetField(t, TIFFTAG_COMPRESSION, compression);
    TIFFSetField(t, TIFFTAG_ROWSPERSTRIP, HEIGHT);
    TIFFSetField(t, TIFFTAG_ORIENTATION, orientation);
    CHECK(TIFFWriteEncodedStrip(t, 0, p.rgb, 3 * WIDTH * HEIGHT) > 0);
    TIFFClose(t);
    FILE *f = fopen(path, "rb");
    for (int c; (c = getc(f)) != EOF;) buf_add(out, &(char){(char)c}, 1);
    fclose(f);
    unlink(path);
    pixels_free(&p);
}

TEST(tiff)
{
    static const int compressions[] = {COMPRESSION_NONE, COMPRESSION_LZW, COMPRESSION_ADOBE_DEFLATE, COMPRESSION_PACKBITS};
    for (size_t i = 0; i < sizeof compressions / sizeof *compressions; i++) {
        buf_t file = {0};
        tiff_of(&file, compressions[i], 1);
        CHECK(decodes_to(file.data, file.len, WIDTH, HEIGHT, "rgbb"));
        CHECK(refuses(file.data, file.len, WIDTH * HEIGHT - 1, "24 x 16 pixels, more than 383"));
        CHECK(refuses(file.data, 8, 1 << 20, "damaged"));
        damage((unsigned char *)file.data, file.len);
        buf_free(&file);
    }
    for (int o = 2; o <= 8; o++) {
        buf_t file = {0};
        tiff_of(&file, COMPRESSION_LZW, o);
        CHECK(decodes_to(file.data, file.len, turned[o].width, turned[o].height, turned[o].corners));
        buf_free(&file);
    }
}
#else
TEST(tiff) { CHECK(refuses("II*\0\x08\0\0\0", 8, 1 << 20, "built without libtiff")); }
#endif

UNIT_MAIN(UNIT(turning), UNIT(exif_data), UNIT(jpegs_are_turned), UNIT(four_colours_need_a_meaning), UNIT(webp),
          UNIT(webp_with_exif_and_alpha), UNIT(avif), UNIT(tiff))
