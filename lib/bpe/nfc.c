#include "bpe/nfc.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unicode/uchar.h>
#include <unicode/unorm2.h>
#include <unicode/ustring.h>
#include <unicode/utf8.h>

#include "base/err.h"
#include "base/mem.h"

/* What is known of a character. */
enum { UNKNOWN, BASE, OTHER, CHARACTERS = 0x110000 };

struct nfc {
    const UNormalizer2 *form;
    uint8_t *kind;         /* [CHARACTERS], asked for when one comes */
    UChar *from, *to;      /* a stretch, and its normal form */
    char *utf8;
    int32_t cap;           /* of a stretch, in UTF-16 */
    buf_t text;
};

nfc_t *nfc_new(void)
{
    nfc_t *f = NEW(nfc_t);
    UErrorCode status = U_ZERO_ERROR;
    f->form = unorm2_getNFCInstance(&status);
    if (U_FAILURE(status)) die(EX_SOFTWARE, "no NFC: %s", u_errorName(status));
    f->kind = NEW_ARRAY(uint8_t, CHARACTERS);
    return f;
}

void nfc_free(nfc_t *f)
{
    if (!f) return;
    free(f->kind);
    free(f->from);
    free(f->to);
    free(f->utf8);
    buf_free(&f->text);
    free(f);
}

/* Tells whether a character stays as it is and keeps apart what stands on its two sides, but for what may follow it. */
static bool is_base(const nfc_t *f, int32_t c)
{
    if (f->kind[c] == UNKNOWN) {
        const bool base = !u_getCombiningClass(c) && u_getIntPropertyValue(c, UCHAR_NFC_QUICK_CHECK) == UNORM_YES &&
                          unorm2_hasBoundaryBefore(f->form, c);
        f->kind[c] = base ? BASE : OTHER;
    }
    return f->kind[c] == BASE;
}

static void reserve(nfc_t *f, size_t n)
{
    enum { GROWTH = 3 /* code units for one, at most */, BYTES = 3 /* of a code unit */ };
    const size_t most = INT32_MAX / (GROWTH * BYTES);
    if (n > most) die(EX_DATAERR, "%zu bytes of combining characters in a row, expected fewer", n);
    if ((int32_t)n <= f->cap) return;
    f->cap = (int32_t)n;
    f->from = xreallocarray(f->from, n, sizeof(UChar));
    f->to = xreallocarray(f->to, n * GROWTH, sizeof(UChar));
    f->utf8 = xreallocarray(f->utf8, n * GROWTH * BYTES, 1);
}

/* Appends the normal form of a stretch. */
static void add_stretch(nfc_t *f, const char *text, size_t n)
{
    UErrorCode status = U_ZERO_ERROR;
    int32_t length = 0, bytes = 0;
    reserve(f, n);
    u_strFromUTF8(f->from, f->cap, &length, text, (int32_t)n, &status);
    length = unorm2_normalize(f->form, f->from, length, f->to, 3 * f->cap, &status);
    u_strToUTF8(f->utf8, 9 * f->cap, &bytes, f->to, length, &status);
    if (U_FAILURE(status)) die(EX_SOFTWARE, "text cannot be brought to NFC: %s", u_errorName(status));
    buf_add(&f->text, f->utf8, (size_t)bytes);
}

/* Finds the next character from *at on that is no base; *base: the last base before it. False where there is none. */
static bool find_other(const nfc_t *f, const char *text, size_t n, size_t *at, size_t *base)
{
    *base = *at;
    while (*at < n) {
        if ((signed char)text[*at] >= 0) {
            *base = (*at)++;
            continue;
        }
        size_t behind = *at;
        int32_t c;
        U8_NEXT_UNSAFE(text, behind, c);
        if (!is_base(f, c)) return true;
        *base = *at;
        *at = behind;
    }
    return false;
}

/* Finds the next base from `at` on, or the end. */
static size_t find_base(const nfc_t *f, const char *text, size_t n, size_t at)
{
    while (at < n) {
        size_t behind = at;
        int32_t c;
        U8_NEXT_UNSAFE(text, behind, c);
        if (is_base(f, c)) break;
        at = behind;
    }
    return at;
}

const char *nfc_text(nfc_t *f, const char *text, size_t n, size_t *length)
{
    size_t done = 0, at = 0, base;
    buf_clear(&f->text);
    while (find_other(f, text, n, &at, &base)) {
        at = find_base(f, text, n, at);
        buf_add(&f->text, text + done, base - done);
        add_stretch(f, text + base, at - base);
        done = at;
    }
    *length = n;
    if (!done) return text;
    buf_add(&f->text, text + done, n - done);
    *length = f->text.len;
    return f->text.data;
}
