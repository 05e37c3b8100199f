/* Lists as text: tables of user, item and rank or score; TREC's run files; and a list a line, as recommend(1) writes them. */
#ifndef SIDMILL_SCORE_RECS_TEXT_H
#define SIDMILL_SCORE_RECS_TEXT_H

#include "score/recs.h"

/* Reads lines to their end; they are the caller's to close. `form` and `values` as recs_open() takes them. A user's lines must stand
 * together. Items wait in a temporary file. A line that is malformed, and values that order no list, end the process with
 * EX_DATAERR. */
recs_t recs_text_read(lines_t *lines, const char *form, const char *values);

#endif
