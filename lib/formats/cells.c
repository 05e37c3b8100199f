#include "formats/cells.h"

#include <strings.h>

int cells_split(const char *line, size_t n, char delimiter, cell_t *cells, int most)
{
    int count = 0;
    const char *at = line;
    for (cell_t c; cell_next(&at, line + n, delimiter, &c); count++)
        if (count < most) cells[count] = c;
    return count;
}

/* One comparison a byte: what is below a blank is taken for one. */
static bool is_blank(char c) { return (unsigned char)c <= ' '; }

int cells_words(const char *line, size_t n, cell_t *cells, int most)
{
    int count = 0;
    for (const char *end = line + n;; count++) {
        while (line < end && is_blank(*line)) line++;
        if (line == end) return count;
        const char *start = line++;
        while (line < end && !is_blank(*line)) line++;
        if (count < most) cells[count] = (cell_t){start, (size_t)(line - start)};
    }
}

bool cell_is(cell_t c, const char *word) { return c.len == strlen(word) && !strncasecmp(c.s, word, c.len); }

int cell_shown(cell_t c) { return c.len < 60 ? (int)c.len : 60; }
