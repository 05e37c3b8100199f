/* Finding the end of a run of ordinary bytes, eight at a time. */
#ifndef SIDMILL_BASE_RUN_H
#define SIDMILL_BASE_RUN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define RUN_EACH(byte) (0x0101010101010101u * (unsigned char)(byte))

/* The highest bit of every byte of `w` that is zero. A borrow may set it in bytes above such a one; the lowest is right. */
static inline uint64_t run_zeros(uint64_t w) { return (w - RUN_EACH(1)) & ~w & RUN_EACH(0x80); }

/* The number of bytes from s on, at most `n`, that are 0x20 or above and neither a nor b nor c. */
static inline size_t run_plain(const char *s, size_t n, char a, char b, char c)
{
    size_t i = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    for (; n - i >= 8; i += 8) {
        uint64_t w;
        memcpy(&w, s + i, 8);
        uint64_t stop = ((w - RUN_EACH(0x20)) & ~w & RUN_EACH(0x80)) | run_zeros(w ^ RUN_EACH(a)) | run_zeros(w ^ RUN_EACH(b)) |
                        run_zeros(w ^ RUN_EACH(c));
        if (stop) return i + (size_t)__builtin_ctzll(stop) / 8;
    }
#endif
    while (i < n && (unsigned char)s[i] >= 0x20 && s[i] != a && s[i] != b && s[i] != c) i++;
    return i;
}

/* The number of bytes from s on, at most `n`, that are printable ASCII. */
static inline size_t run_ascii(const char *s, size_t n)
{
    size_t i = 0;
    for (; n - i >= 8; i += 8) {
        uint64_t w;
        memcpy(&w, s + i, 8);
        if ((w | ((w - RUN_EACH(0x20)) & ~w) | run_zeros(w ^ RUN_EACH(0x7f))) & RUN_EACH(0x80)) break;
    }
    while (i < n && s[i] >= 0x20 && s[i] < 0x7f) i++;
    return i;
}

/* The number of bytes from s on, at most `n`, a multiple of 8, that are printable ASCII without two blanks side by side. *gap:
 * whether a blank was before, and whether one is at the end. */
static inline size_t run_tidy(const char *s, size_t n, bool *gap)
{
    size_t i = 0;
#if __BYTE_ORDER__ == __ORDER_LITTLE_ENDIAN__
    const uint64_t low = RUN_EACH(0x7f);
    for (; n - i >= 8; i += 8) {
        uint64_t w;
        memcpy(&w, s + i, 8);
        if ((w | ((w - RUN_EACH(0x20)) & ~w) | run_zeros(w ^ low)) & RUN_EACH(0x80)) break;
        uint64_t blanks = ~(((w ^ RUN_EACH(' ')) + low) | low); /* exact, since all bytes are ASCII */
        if ((blanks & blanks << 8) || (*gap && (blanks & 0x80))) break;
        *gap = blanks >> 63;
    }
#endif
    return i;
}

#endif
