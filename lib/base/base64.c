#include "base/base64.h"

void base64_add(buf_t *out, const void *bytes, size_t n)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *p = bytes;
    char block[4];
    for (size_t i = 0; i < n; i += 3) {
        size_t left = n - i;
        unsigned v = (unsigned)p[i] << 16 | (left > 1 ? (unsigned)p[i + 1] << 8 : 0) | (left > 2 ? p[i + 2] : 0);
        for (int k = 0; k < 4; k++) block[k] = digits[v >> (18 - 6 * k) & 63];
        if (left < 3) block[3] = '=';
        if (left < 2) block[2] = '=';
        buf_add(out, block, 4);
    }
}
