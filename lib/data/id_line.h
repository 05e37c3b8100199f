/* Ids side by side in one text, which may hold blanks and commas themselves: the rule of sidmill-items(5). */
#ifndef SIDMILL_DATA_ID_LINE_H
#define SIDMILL_DATA_ID_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "data/strtab.h"

typedef struct {
    const char *at, *end;
    const char *separators;   /* each of its bytes ends an id */
} id_line_t;

/* Begins with the text, which is borrowed: its ids stand between tabs where it holds one; else it is one id, where `ids` (indexed)
 * has it; else they stand between any of `usual`. */
id_line_t id_line_start(const strtab_t *ids, const char *s, size_t n, const char *usual);

/* The next id, which is not empty; false at the end. */
bool id_line_next(id_line_t *l, const char **id, size_t *n);

#endif
