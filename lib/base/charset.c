#include "base/charset.h"

#include <errno.h>
#include <iconv.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unicode/ucnv.h>
#include <unicode/ucsdet.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/peek.h"

static const iconv_t none = (iconv_t)-1;

/* --- Decoding ----------------------------------------------------------------------------------------------------------- */

/* Opens the converter from an encoding to UTF-8, its name as it is, with '-' for '_', or without either, as they are told apart by
 * iconv() and by nobody else, or as ICU writes it; `none` for a name that is not known. */
static iconv_t converter(const char *name)
{
    if (!*name || strchr(name, '/')) return none;
    iconv_t c = iconv_open("UTF-8", name);
    for (int bare = 0; bare < 2 && c == none; bare++) {
        char *other = xstrdup(name), *to = other;
        for (const char *s = name; *s; s++) {
            const bool separator = *s == '-' || *s == '_';
            if (!separator || !bare) *to++ = separator ? '-' : *s;
        }
        *to = '\0';
        c = iconv_open("UTF-8", other);
        free(other);
    }
    UErrorCode status = U_ZERO_ERROR;
    const char *standard = c == none ? ucnv_getStandardName(name, "IANA", &status) : NULL;
    return standard ? iconv_open("UTF-8", standard) : c;
}

bool charset_known(const char *name)
{
    iconv_t c = converter(name);
    if (c != none) iconv_close(c);
    return c != none;
}

typedef struct {
    byte_source_t base, *inner;
    iconv_t converter;
    size_t unit;            /* bytes that are passed over where they cannot be decoded */
    bool ended;             /* the inner source has */
    size_t from, to;        /* bytes of `in` to be converted */
    size_t at, n;           /* bytes of `out` to be read */
    char in[1 << 16], out[1 << 16];
} decoder_t;

/* Reads more behind what is left of `in`; false on failure. */
static bool refill(decoder_t *d)
{
    memmove(d->in, d->in + d->from, d->to - d->from);
    d->to -= d->from;
    d->from = 0;
    const ssize_t got = d->inner->read(d->inner, d->in + d->to, sizeof d->in - d->to);
    d->base.why = d->inner->why;
    if (got < 0) return false;
    d->ended = got == 0;
    d->to += (size_t)got;
    return true;
}

/* Converts what `in` holds, as far as `out` has room. */
static void convert(decoder_t *d)
{
    char *in = d->in + d->from, *out = d->out;
    size_t in_left = d->to - d->from, out_left = sizeof d->out - 1;
    const bool failed = iconv(d->converter, &in, &in_left, &out, &out_left) == (size_t)-1;
    const bool malformed = failed && (errno == EILSEQ || (errno == EINVAL && d->ended));
    if (malformed) {
        *out++ = '\xff';
        in_left -= in_left < d->unit ? in_left : d->unit;
    }
    d->from = d->to - in_left;
    d->at = 0;
    d->n = (size_t)(out - d->out);
}

static ssize_t decoder_read(byte_source_t *s, void *to, size_t n)
{
    decoder_t *d = (decoder_t *)s;
    while (d->at == d->n) {
        if (d->from < d->to) convert(d);
        if (d->at < d->n) break;
        if (d->ended && d->from == d->to) return 0;
        if (!d->ended && !refill(d)) return -1;
    }
    if (n > d->n - d->at) n = d->n - d->at;
    memcpy(to, d->out + d->at, n);
    d->at += n;
    return (ssize_t)n;
}

static void decoder_close(byte_source_t *s)
{
    decoder_t *d = (decoder_t *)s;
    iconv_close(d->converter);
    d->inner->close(d->inner);
    free(d);
}

/* Tells the encoding that a byte order mark stands for, and moves behind the mark. */
static const char *marked(peek_t *p)
{
    static const struct { const char *name; size_t n; const char *bytes; } marks[] = {
        {"UTF-8", 3, "\xef\xbb\xbf"}, {"UTF-32LE", 4, "\xff\xfe\0\0"}, {"UTF-32BE", 4, "\0\0\xfe\xff"},
        {"UTF-16LE", 2, "\xff\xfe"},  {"UTF-16BE", 2, "\xfe\xff"},
    };
    for (size_t i = 0; i < sizeof marks / sizeof *marks; i++) {
        if (p->n < marks[i].n || memcmp(p->first, marks[i].bytes, marks[i].n) != 0) continue;
        if (i) p->at = marks[i].n; /* a reader of lines passes over UTF-8's */
        return marks[i].name;
    }
    return NULL;
}

/* Tells how many bytes the smallest piece of text in an encoding takes. */
static size_t unit_of(const char *name)
{
    const bool unicode = !strncasecmp(name, "UTF", 3) || !strncasecmp(name, "UCS", 3);
    if (unicode && (strstr(name, "32") || strstr(name, "4"))) return 4;
    return unicode && (strstr(name, "16") || strstr(name, "2")) ? 2 : 1;
}

byte_source_t *charset_decode(byte_source_t *source, const char *name)
{
    peek_t *p = peek(source);
    const char *mark = marked(p);
    if (mark) name = mark;
    if (!name || !strcmp(name, "UTF-8")) return &p->base;
    decoder_t *d = NEW(decoder_t);
    d->base = (byte_source_t){.read = decoder_read, .close = decoder_close};
    d->inner = &p->base;
    d->converter = converter(name);
    d->unit = unit_of(name);
    if (d->converter == none) die(EX_USAGE, "no encoding \"%s\"", name);
    return &d->base;
}

/* --- Recognising -------------------------------------------------------------------------------------------------------- */

/* Tells UTF-16 without a byte order mark by its zero bytes, which text in one of the older encodings does not have. */
static const char *guess_wide(const char *s, size_t n)
{
    size_t zeros[2] = {0};
    for (size_t i = 0; i < n; i++) zeros[i % 2] += !s[i];
    if (zeros[1] > 1 + n / 8 && zeros[0] <= n / 64) return "UTF-16LE";
    if (zeros[0] > 1 + n / 8 && zeros[1] <= n / 64) return "UTF-16BE";
    return NULL;
}

/* Tells whether most of the characters beyond ASCII are UTF-8: then a few are damaged. */
static bool mostly_utf8(const char *s, size_t n)
{
    size_t good = 0, bad = 0;
    for (size_t i = 0, len; i < n; i += len) {
        len = 1;
        if (!((unsigned char)s[i] & 0x80)) continue;
        while (len < 4 && i + len < n && !utf8_valid(s + i, len)) len++;
        const bool valid = utf8_valid(s + i, len);
        good += valid;
        bad += !valid;
        if (!valid) len = 1;
    }
    return good > bad;
}

/* Tells whether the bytes can be text in the encoding, but for a character that they end in. */
static bool decodes(const char *name, const char *s, size_t n)
{
    iconv_t c = converter(name);
    if (c == none) return false;
    char *in = (char *)(uintptr_t)s, out[1 << 12];
    bool good = true;
    while (n && good) {
        char *to = out;
        size_t room = sizeof out;
        good = iconv(c, &in, &n, &to, &room) != (size_t)-1 || errno == E2BIG;
    }
    good = good || errno == EINVAL;
    iconv_close(c);
    return good;
}

/* Tells whether a match of the detector's can be: the wide encodings are told by zero bytes before, and UTF-8 it is not. */
static bool can_be(const char *name, const char *s, size_t n) { return name && strncmp(name, "UTF-", 4) != 0 && decodes(name, s, n); }

const char *charset_guess(const char *s, size_t n)
{
    enum { SAMPLE = 1 << 16 };
    static _Thread_local char name[64];
    if (n > SAMPLE) n = SAMPLE;
    const char *wide = guess_wide(s, n);
    if (wide || memchr(s, '\0', n) || mostly_utf8(s, n)) return wide;
    UErrorCode status = U_ZERO_ERROR;
    UCharsetDetector *detector = ucsdet_open(&status);
    int32_t count = 0;
    ucsdet_setText(detector, s, (int32_t)n, &status);
    const UCharsetMatch **matches = ucsdet_detectAll(detector, &count, &status);
    const char *found = NULL;
    for (int32_t i = 0; U_SUCCESS(status) && i < count && !found; i++) {
        found = ucsdet_getName(matches[i], &status);
        if (!can_be(found, s, n)) found = NULL;
    }
    snprintf(name, sizeof name, "%s", found ? found : "");
    ucsdet_close(detector);
    return *name ? name : NULL;
}

char *charset_why(const char *s, size_t n, const char *option)
{
    const char *name = charset_guess(s, n);
    if (!name) return xstrdup("not valid UTF-8");
    if (option) return xasprintf("not valid UTF-8; it looks like %s, which --%s %s reads", name, option, name);
    return xasprintf("not valid UTF-8; it looks like %s, which iconv -f %s -t UTF-8 converts", name, name);
}
