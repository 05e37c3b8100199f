#include "report/thumbnails.h"

#include <stdlib.h>

#include "base/base64.h"
#include "base/err.h"
#include "base/mem.h"
#include "vision/decode.h"
#include "vision/image_file.h"
#include "vision/sandbox.h"

enum { QUALITY = 75, REPLY_MOST = 64 << 10 };

/* In a worker. */
static const char *shrink(const void *ctx, const unsigned char *bytes, size_t n, buf_t *reply)
{
    (void)ctx;
    pixels_t p;
    const char *why = pixels_decode(bytes, n, PIXELS_MAX_COUNT, &p);
    if (why) return why;
    pixels_t small = pixels_fit(&p, THUMBNAIL_SIDE);
    pixels_jpeg(&small, QUALITY, reply);
    pixels_free(&small);
    pixels_free(&p);
    return NULL;
}

static bool is_jpeg(const unsigned char *p, size_t n) { return n > 3 && p[0] == 0xff && p[1] == 0xd8 && p[2] == 0xff; }

/* What a worker says; anything that looks like no JPEG, since one that was taken over can answer anything, is none. */
static void answered(void *ctx, const unsigned char *reply, size_t n, const char *error)
{
    buf_t *picture = ctx;
    if (!error && is_jpeg(reply, n)) buf_add(picture, reply, n);
}

static buf_t *shrink_all(const record_t *records, int64_t count)
{
    const sandbox_options_t o = {.memory = size_add(pixels_memory(PIXELS_MAX_COUNT), (size_t)64 << 20), .max_reply = REPLY_MOST};
    buf_t *pictures = NEW_ARRAY(buf_t, count + 1), file = {0};
    sandbox_t *workers = sandbox_open(&o, shrink, NULL);
    for (int64_t i = 0; i < count; i++) {
        buf_clear(&file);
        if (!records[i].picture || image_file_read(NULL, records[i].picture, PIXELS_MAX_FILE, &file)) continue;
        while (!sandbox_has_room(workers)) sandbox_wait(workers);
        sandbox_send(workers, file.data, file.len, answered, &pictures[i]);
    }
    while (sandbox_busy(workers)) sandbox_wait(workers);
    sandbox_close(workers);
    buf_free(&file);
    return pictures;
}

static void add_url(buf_t *out, const buf_t *picture)
{
    buf_puts(out, "\"data:image/jpeg;base64,");
    base64_add(out, picture->data, picture->len);
    buf_puts(out, "\"");
}

void thumbnails_add(buf_t *out, const record_t *records, int64_t count)
{
    buf_t *pictures = shrink_all(records, count);
    int64_t failed = 0, left = 0;
    size_t size = 0;
    buf_puts(out, "[");
    for (int64_t i = 0; i < count; i++) {
        const size_t n = pictures[i].len;
        const bool fits = size + n <= THUMBNAILS_MOST;
        failed += records[i].picture && !n;
        left += n && !fits;
        buf_puts(out, i ? "," : "");
        if (n && fits) add_url(out, &pictures[i]);
        else buf_puts(out, "null");
        if (fits) size += n;
        buf_free(&pictures[i]);
    }
    buf_puts(out, "]");
    free(pictures);
    if (failed) warn("%lld pictures could not be used", (long long)failed);
    if (left) warn("%lld pictures are left out: all are to be %d MiB at most", (long long)left, THUMBNAILS_MOST >> 20);
}
