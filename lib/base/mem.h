/* Checked memory: a failed allocation or an overflowing size ends the process with EX_OSERR. Freed with free(). */
#ifndef SIDMILL_BASE_MEM_H
#define SIDMILL_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

void *xmalloc(size_t bytes);
void *xcalloc(size_t count, size_t size);                 /* zeroed */
void *xreallocarray(void *p, size_t count, size_t size);
char *xstrdup(const char *s);
char *xstrndup(const char *s, size_t n);
char *xasprintf(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
char *xvasprintf(const char *fmt, va_list args);

/* a * b and a + b of sizes that come from files or flags; overflow ends the process. */
size_t size_mul(size_t a, size_t b);
size_t size_add(size_t a, size_t b);

/* Zeroed, 64-byte aligned floats, padded to a whole cache line. */
float *xfloats(size_t count);

#define NEW(type) ((type *)xcalloc(1, sizeof(type)))
#define NEW_ARRAY(type, count) ((type *)xcalloc((size_t)(count), sizeof(type)))

/* Makes room for one more element in a growing array: doubles `cap` when `count` reaches it. */
#define GROW(array, count, cap)                                                            \
    do {                                                                                   \
        if ((count) >= (cap)) {                                                            \
            (cap) = (cap) ? (cap) * 2 : 16;                                                \
            (array) = xreallocarray((array), (size_t)(cap), sizeof *(array));              \
        }                                                                                  \
    } while (0)

#endif
