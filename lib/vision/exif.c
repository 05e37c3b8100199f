#include "vision/exif.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "vision/jpeg_segments.h"

/* --- The tag ----------------------------------------------------------------------------------------------------------- */

typedef struct {
    const unsigned char *p;
    size_t n;
    bool big;   /* endian */
} block_t;

static unsigned two(const block_t *b, size_t at) { return b->big ? b->p[at] * 256u + b->p[at + 1] : b->p[at + 1] * 256u + b->p[at]; }

static size_t four(const block_t *b, size_t at)
{
    size_t first = two(b, at), second = two(b, at + 2);
    return b->big ? first << 16 | second : second << 16 | first;
}

int exif_orientation(const unsigned char *bytes, size_t n)
{
    enum { TAG = 0x0112, ENTRY = 12 };
    bool prefixed = n >= 6 && !memcmp(bytes, "Exif\0", 5);
    block_t b = {bytes + (prefixed ? 6 : 0), n - (prefixed ? 6 : 0), false};
    if (b.n < 8 || (memcmp(b.p, "II*\0", 4) != 0 && memcmp(b.p, "MM\0*", 4) != 0)) return 1;
    b.big = *b.p == 'M';
    size_t table = four(&b, 4);
    if (table > b.n - 2) return 1;
    size_t count = two(&b, table), most = (b.n - table - 2) / ENTRY;
    for (size_t i = 0; i < count && i < most; i++) {
        size_t at = table + 2 + i * ENTRY;
        unsigned value = two(&b, at + 8);
        if (two(&b, at) == TAG) return value >= 1 && value <= 8 ? (int)value : 1;
    }
    return 1;
}

int exif_orientation_jpeg(const unsigned char *bytes, size_t n)
{
    jpeg_segment_t s = {0};
    while (jpeg_next_segment(bytes, n, &s))
        if (s.marker == 0xe1 && s.n >= 6 && !memcmp(s.bytes, "Exif\0", 6)) return exif_orientation(s.bytes, s.n);
    return 1;
}

int exif_orientation_png(const unsigned char *bytes, size_t n)
{
    for (size_t at = 8, length; at + 12 <= n; at += 12 + length) {
        const block_t b = {bytes, n, true};
        length = four(&b, at);
        if (length > n - at - 12) break;
        if (!memcmp(bytes + at + 4, "eXIf", 4)) return exif_orientation(bytes + at + 8, length);
    }
    return 1;
}

/* --- Turning ----------------------------------------------------------------------------------------------------------- */

void exif_turn_upright(pixels_t *p, int orientation)
{
    if (orientation < 2 || orientation > 8) return;
    const bool swap = orientation > 4;
    const bool flip_x = orientation == 2 || orientation == 3 || orientation == 7 || orientation == 8;
    const bool flip_y = orientation == 3 || orientation == 4 || orientation == 6 || orientation == 7;
    const int width = swap ? p->height : p->width, height = swap ? p->width : p->height;
    unsigned char *rgb = xmalloc(size_mul(size_mul((size_t)width, (size_t)height), 3)), *to = rgb;
    for (int y = 0; y < height; y++)
        for (int x = 0; x < width; x++, to += 3) {
            int sx = swap ? y : x, sy = swap ? x : y;
            if (flip_x) sx = p->width - 1 - sx;
            if (flip_y) sy = p->height - 1 - sy;
            memcpy(to, p->rgb + 3 * ((size_t)sy * (size_t)p->width + (size_t)sx), 3);
        }
    free(p->rgb);
    *p = (pixels_t){.width = width, .height = height, .rgb = rgb};
}
