#include "base/buf.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/run.h"

static void reserve(buf_t *b, size_t extra)
{
    size_t need = size_add(size_add(b->len, extra), 1);
    if (need <= b->cap) return;
    size_t cap = b->cap ? b->cap : 64;
    while (cap < need) cap = size_mul(cap, 2);
    b->data = xreallocarray(b->data, cap, 1);
    b->cap = cap;
}

void buf_add(buf_t *b, const void *bytes, size_t n)
{
    if (b->cap - b->len <= n) reserve(b, n);
    if (n) memcpy(b->data + b->len, bytes, n);
    b->len += n;
    b->data[b->len] = '\0';
}

void buf_puts(buf_t *b, const char *s) { buf_add(b, s, strlen(s)); }

void buf_printf(buf_t *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    int n = vsnprintf(NULL, 0, fmt, ap);
    va_end(ap);
    if (n < 0) die(EX_SOFTWARE, "cannot format '%s'", fmt);
    reserve(b, (size_t)n);
    va_start(ap, fmt);
    vsnprintf(b->data + b->len, (size_t)n + 1, fmt, ap);
    va_end(ap);
    b->len += (size_t)n;
}

void buf_json_string(buf_t *b, const char *s, size_t n)
{
    size_t done = 0; /* bytes before it are written; those from it to i are written as they are */
    buf_add(b, "\"", 1);
    for (size_t i = 0; (i += run_plain(s + i, n - i, '"', '\\', 0x7f)) < n; i++) {
        unsigned char c = (unsigned char)s[i];
        buf_add(b, s + done, i - done);
        done = i + 1;
        if (c == '"' || c == '\\')
            buf_add(b, (char[]){'\\', (char)c}, 2);
        else if (c == '\n')
            buf_puts(b, "\\n");
        else if (c == '\t')
            buf_puts(b, "\\t");
        else
            buf_printf(b, "\\u%04x", c);
    }
    buf_add(b, s + done, n - done);
    buf_add(b, "\"", 1);
}

void buf_json_number(buf_t *b, double v)
{
    if (!isfinite(v)) {
        buf_puts(b, "null");
        return;
    }
    char text[40];
    for (int digits = 1; digits <= 17; digits++) {
        snprintf(text, sizeof text, "%.*g", digits, v);
        if (strtod(text, NULL) == v) break;
    }
    buf_puts(b, text);
}

void buf_json_member(buf_t *b, const char *name, double v)
{
    buf_printf(b, "\"%s\": ", name);
    buf_json_number(b, v);
}

void buf_clear(buf_t *b)
{
    b->len = 0;
    if (b->data) b->data[0] = '\0';
}

void buf_free(buf_t *b)
{
    free(b->data);
    *b = (buf_t){0};
}
