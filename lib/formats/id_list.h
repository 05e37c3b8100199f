/* Ids written as a list in one cell, as data sets with whole histories in a row have them. */
#ifndef SIDMILL_FORMATS_ID_LIST_H
#define SIDMILL_FORMATS_ID_LIST_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

/* Starts with zeroes; `text` is used again. */
typedef struct {
    const char *at, *end;
    const char *separator;   /* NULL: blanks, line breaks, commas, semicolons and bars, several of them as one */
    bool brackets;           /* there were some, as Python, NumPy and JSON print them: elements may be quoted */
    const char *why;         /* what is wrong where id_list_next() ends early, or NULL */
    buf_t text;
} id_list_t;

/* Begins with the list in `s`, which is borrowed. */
void id_list_start(id_list_t *l, const char *s, size_t n, const char *separator);

/* The next id, borrowed until the next call; empty elements are passed over. False at the end, and where something is wrong. */
bool id_list_next(id_list_t *l, const char **id, size_t *n);

void id_list_free(id_list_t *l);

#endif
