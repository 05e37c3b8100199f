/* A growing byte buffer, and the one place that writes JSON text. */
#ifndef SIDMILL_BASE_BUF_H
#define SIDMILL_BASE_BUF_H

#include <stddef.h>

typedef struct {
    char *data;  /* always NUL-terminated once anything was added; owned */
    size_t len, cap;
} buf_t;

/* Append: `n` bytes; a string; printf()'s text. A zeroed buffer is an empty one; a lack of memory ends the process. */
void buf_add(buf_t *b, const void *bytes, size_t n);
void buf_puts(buf_t *b, const char *s);
void buf_printf(buf_t *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Appends `n` bytes of UTF-8 as a quoted JSON string. */
void buf_json_string(buf_t *b, const char *s, size_t n);

/* Appends the shortest decimal form that reads back as exactly `v`; null if not finite. */
void buf_json_number(buf_t *b, double v);

/* Appends `"name": v`. The name is written as it stands. */
void buf_json_member(buf_t *b, const char *name, double v);

void buf_clear(buf_t *b); /* empties, keeps the memory */
void buf_free(buf_t *b);

#endif
