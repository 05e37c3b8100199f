#include "vision/sendable.h"

#include <string.h>

#include "vision/decode.h"
#include "vision/pixels.h"

enum { QUALITY = 90, LEAST_SIDE = 16 };

static bool is_png(const unsigned char *p, size_t n) { return n > 8 && !memcmp(p, "\x89PNG\r\n\x1a\n", 8); }
static bool is_jpeg(const unsigned char *p, size_t n) { return n > 3 && !memcmp(p, "\xff\xd8\xff", 3); }

static const char *type_of(const void *bytes, size_t n) { return is_png(bytes, n) ? "image/png" : "image/jpeg"; }

/* Encodes the picture, smaller and smaller until it is small enough. */
static const char *encode(const pixels_t *p, const sendable_limits_t *o, buf_t *reply)
{
    int side = p->width > p->height ? p->width : p->height;
    for (side = side < o->max_side ? side : o->max_side; side >= LEAST_SIDE || !reply->len; side = side * 3 / 4) {
        pixels_t small = pixels_fit(p, side);
        buf_clear(reply);
        buf_add(reply, &(char){SENDABLE_JPEG}, 1);
        pixels_jpeg(&small, QUALITY, reply);
        pixels_free(&small);
        if ((int64_t)reply->len - 1 <= o->max_bytes) return NULL;
    }
    return "the image cannot be made small enough to be sent";
}

const char *sendable_check(const void *ctx, const unsigned char *bytes, size_t n, buf_t *reply)
{
    const sendable_limits_t *o = ctx;
    pixels_t p;
    const char *refused = pixels_decode(bytes, n, o->max_pixels, &p);
    if (refused) return refused;
    bool common = is_png(bytes, n) || is_jpeg(bytes, n);
    bool small = (int64_t)n <= o->max_bytes && p.width <= o->max_side && p.height <= o->max_side;
    if (common && small && !p.turned) buf_add(reply, &(char){SENDABLE_AS_IS}, 1);
    else refused = encode(&p, o, reply);
    pixels_free(&p);
    return refused;
}

bool sendable_read(const unsigned char *reply, size_t n, const buf_t *file, sendable_t *s)
{
    if (n == 1 && *reply == SENDABLE_AS_IS) *s = (sendable_t){file->data, file->len, type_of(file->data, file->len)};
    else if (n > 1 && *reply == SENDABLE_JPEG) *s = (sendable_t){reply + 1, n - 1, "image/jpeg"};
    else return false;
    return true;
}
