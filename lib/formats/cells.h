/* Cells of a line of text. */
#ifndef SIDMILL_FORMATS_CELLS_H
#define SIDMILL_FORMATS_CELLS_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

typedef struct {
    const char *s;
    size_t len;
} cell_t;

/* The next cell before a delimiter or `end`, from *at on, which moves behind it; false where the line is used up, *at NULL. */
static inline bool cell_next(const char **at, const char *end, char delimiter, cell_t *c)
{
    if (!*at) return false;
    const char *stop = memchr(*at, delimiter, (size_t)(end - *at));
    *c = (cell_t){*at, (size_t)((stop ? stop : end) - *at)};
    *at = stop ? stop + 1 : NULL;
    return true;
}

/* The cells between delimiters, or between runs of blanks, tabs and other controls: the first `most` go to `cells`, the number of all
 * is returned. They are spans of the line. */
int cells_split(const char *line, size_t n, char delimiter, cell_t *cells, int most);
int cells_words(const char *line, size_t n, cell_t *cells, int most);

/* True if the cell's text is `word`, whatever the case of its ASCII letters. */
bool cell_is(cell_t c, const char *word);

/* Its length for printf()'s "%.*s", cut for messages. */
int cell_shown(cell_t c);

#endif
