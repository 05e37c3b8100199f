/* Other encodings: every way of cutting the input into reads gives the same text. */
#include <stdlib.h>
#include <string.h>

#include "base/charset.h"
#include "base/mem.h"
#include "unit.h"

/* Bytes that come `step` at a time. */
typedef struct {
    byte_source_t base;
    const char *bytes;
    size_t n, at, step;
} drip_t;

static ssize_t drip_read(byte_source_t *s, void *to, size_t n)
{
    drip_t *d = (drip_t *)s;
    if (n > d->step) n = d->step;
    if (n > d->n - d->at) n = d->n - d->at;
    memcpy(to, d->bytes + d->at, n);
    d->at += n;
    return (ssize_t)n;
}

static void drip_close(byte_source_t *s) { free(s); }

/* Whether the bytes in that encoding (NULL: not told) come out as `want`, in whatever pieces they come. */
static bool decoded(const char *encoding, const char *bytes, size_t n, const char *want, size_t want_n)
{
    bool same = true;
    for (size_t step = 1; step <= n; step++) {
        drip_t *d = NEW(drip_t);
        *d = (drip_t){{.read = drip_read, .close = drip_close}, bytes, n, 0, step};
        bytes_t b = in_bytes_from(charset_decode(&d->base, encoding), xstrdup("x"));
        same = same && b.len == want_n && !memcmp(b.data, want, want_n);
        in_free(&b);
    }
    return same;
}

#define DECODED(ENCODING, BYTES, WANT) decoded(ENCODING, BYTES, sizeof(BYTES) - 1, WANT, sizeof(WANT) - 1)

TEST(names_and_marks_say_what_bytes_are)
{
    CHECK(DECODED(NULL, "caf\xc3\xa9\n", "caf\xc3\xa9\n"));
    CHECK(DECODED("latin-1", "caf\xe9\n", "caf\xc3\xa9\n"));
    CHECK(DECODED("shift_jis", "\x8c\x43", "\xe9\x9d\xb4"));
    CHECK(DECODED(NULL, "\xff\xfe" "a\0\xe9\0", "a\xc3\xa9"));
    CHECK(DECODED("latin1", "\xfe\xff\0a\0\xe9\xd8\x3d\xde\0", "a\xc3\xa9\xf0\x9f\x98\x80"));
    CHECK(DECODED("latin1", "\xef\xbb\xbf\xc3\xa9", "\xef\xbb\xbf\xc3\xa9"));
    CHECK(DECODED(NULL, "\xff\xfe\0\0" "a\0\0\0", "a"));
}

TEST(what_cannot_be_decoded_stays_malformed)
{
    CHECK(DECODED("utf-8", "a\xff" "b\xe2\x80", "a\xff" "b\xff\xff"));
    CHECK(DECODED("utf-16le", "a\0\0\xd8" "b\0c", "a\xff" "b\xff"));
    CHECK(DECODED("ascii", "caf\xe9", "caf\xff"));
}

TEST(names_are_known_however_they_are_written)
{
    CHECK(charset_known("latin1") && charset_known("Latin-1") && charset_known("windows_1252") && charset_known("UTF-16") && charset_known("GBK"));
    CHECK(charset_known("windows1252") && charset_known("shiftjis"));
    CHECK(!charset_known("") && !charset_known("klingon") && !charset_known("utf-8//TRANSLIT"));
}

static bool looks_like(const char *s, size_t n, const char *want)
{
    const char *name = charset_guess(s, n);
    return want ? name && !strcmp(name, want) : !name;
}

#define LOOKS_LIKE(BYTES, WANT) looks_like(BYTES, sizeof(BYTES) - 1, WANT)

TEST(encodings_are_recognised)
{
    CHECK(LOOKS_LIKE("\xc1\xee\xf2\xe8\xed\xea\xe8 \xe4\xeb\xff \xe1\xe5\xe3\xe0 \xef\xee \xeb\xe5\xf1\xf3", "windows-1251"));
    CHECK(LOOKS_LIKE("t\0i\0t\0l\0e\0", "UTF-16LE"));
    CHECK(LOOKS_LIKE("\0t\0i\0t\0l\0e", "UTF-16BE"));
    CHECK(LOOKS_LIKE("caf\xc3\xa9 \xc3\xbc\xc3\xb6 \xff", NULL)); /* damaged UTF-8 */
    CHECK(LOOKS_LIKE("a\0b", NULL));
}

UNIT_MAIN(UNIT(names_and_marks_say_what_bytes_are), UNIT(what_cannot_be_decoded_stays_malformed),
          UNIT(names_are_known_however_they_are_written), UNIT(encodings_are_recognised))
