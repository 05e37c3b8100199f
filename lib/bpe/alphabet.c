#include "bpe/alphabet.h"

#include <unicode/utf8.h>
#include <utf8proc.h>

/* Bytes from 0 to 0x20, from 0x7f to 0xa0, and 0xad have no character of their own: they follow each other from U+0100 on. */
enum { LOW = 0x21, HIGH_FROM = 0x7f, HIGH_TO = 0xa1, SOFT_HYPHEN = 0xad, OTHERS = 0x100, HIGH = HIGH_TO - HIGH_FROM };

static bool stands_for_itself(int32_t c)
{
    return c >= LOW && c < OTHERS && (c < HIGH_FROM || c >= HIGH_TO) && c != SOFT_HYPHEN;
}

int32_t alphabet_char(unsigned char byte)
{
    if (stands_for_itself(byte)) return byte;
    if (byte < LOW) return OTHERS + byte;
    return OTHERS + LOW + (byte == SOFT_HYPHEN ? HIGH : byte - HIGH_FROM);
}

int alphabet_rank(unsigned char byte)
{
    const int32_t c = alphabet_char(byte);
    if (c >= OTHERS) return OTHERS - (LOW + HIGH + 1) + (c - OTHERS);
    return c - LOW - (c >= HIGH_TO ? HIGH : 0) - (c > SOFT_HYPHEN ? 1 : 0);
}

static int byte_of(int32_t c)
{
    if (stands_for_itself(c)) return c;
    const int32_t other = c - OTHERS;
    if (other < 0 || other > LOW + HIGH) return -1;
    if (other < LOW) return other;
    return other == LOW + HIGH ? SOFT_HYPHEN : HIGH_FROM + other - LOW;
}

void alphabet_spell(const char *bytes, size_t n, buf_t *out)
{
    for (size_t i = 0; i < n; i++) {
        utf8proc_uint8_t utf8[4];
        buf_add(out, utf8, (size_t)utf8proc_encode_char(alphabet_char((unsigned char)bytes[i]), utf8));
    }
}

bool alphabet_read(const char *spelling, size_t n, buf_t *out)
{
    const size_t before = out->len;
    buf_add(out, "", 0);
    for (size_t i = 0; i < n;) {
        int32_t c;
        U8_NEXT_UNSAFE(spelling, i, c);
        const int byte = byte_of(c);
        if (byte < 0) {
            out->len = before;
            return false;
        }
        buf_add(out, &(char){(char)byte}, 1);
    }
    return true;
}
