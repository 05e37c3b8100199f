/* Lists as text: tables of user, item and rank or score; TREC's run files; and a list a line, as recommend(1) writes them. */
#ifndef SIDMILL_SCORE_RECS_TEXT_H
#define SIDMILL_SCORE_RECS_TEXT_H

#include <stdbool.h>

#include "score/recs.h"

/* Reads lists from lines, which are the caller's to close; true where they are read to the end. `form` and `values` are as recs_open()
 * takes them. Items wait in a temporary file. Where the lines of a user may not stand together, reading ends with false: they must come again,
 * to be read with `gathering`, which needs more time and temporary space, but no more memory. A line that is malformed, and values that
 * order no list, end the process with EX_DATAERR. */
bool recs_text_read(recs_t *r, lines_t *lines, const char *form, const char *values, bool gathering);

#endif
