#include "base/mem.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"

static void *checked(void *p, size_t bytes)
{
    if (!p) die(EX_OSERR, "out of memory (%zu bytes asked for)", bytes);
    return p;
}

void *xmalloc(size_t bytes) { return checked(malloc(bytes ? bytes : 1), bytes); }

void *xcalloc(size_t count, size_t size)
{
    size_t bytes = size_mul(count, size);
    return checked(calloc(count ? count : 1, size ? size : 1), bytes);
}

void *xreallocarray(void *p, size_t count, size_t size)
{
    size_t bytes = size_mul(count, size);
    return checked(realloc(p, bytes ? bytes : 1), bytes);
}

char *xstrdup(const char *s) { return xstrndup(s, strlen(s)); }

char *xstrndup(const char *s, size_t n)
{
    char *copy = xmalloc(size_add(n, 1));
    memcpy(copy, s, n);
    copy[n] = '\0';
    return copy;
}

char *xvasprintf(const char *fmt, va_list args)
{
    char *text = NULL;
    if (vasprintf(&text, fmt, args) < 0) die(EX_OSERR, "out of memory");
    return text;
}

char *xasprintf(const char *fmt, ...)
{
    va_list args;
    va_start(args, fmt);
    char *text = xvasprintf(fmt, args);
    va_end(args);
    return text;
}

size_t size_mul(size_t a, size_t b)
{
    size_t c;
    if (__builtin_mul_overflow(a, b, &c)) die(EX_OSERR, "size overflow (%zu x %zu)", a, b);
    return c;
}

size_t size_add(size_t a, size_t b)
{
    size_t c;
    if (__builtin_add_overflow(a, b, &c)) die(EX_OSERR, "size overflow (%zu + %zu)", a, b);
    return c;
}

float *xfloats(size_t count)
{
    size_t bytes = size_add(size_mul(count, sizeof(float)), 63) & ~(size_t)63;
    float *p = checked(aligned_alloc(64, bytes ? bytes : 64), bytes);
    memset(p, 0, bytes);
    return p;
}
