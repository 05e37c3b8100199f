/* Lists of anyone's, whatever their form. */
#ifndef SIDMILL_SCORE_RECS_OPEN_H
#define SIDMILL_SCORE_RECS_OPEN_H

#include "score/recs.h"

/* NULL-terminated: forms of lists, the first of which is told by what the file holds; and what the third column of a table is. */
extern const char *const recs_forms[], *const recs_values[];

/* Opens lists of one of the forms, text packed or not; NULL or "-": standard input. What is malformed ends the process with
 * EX_DATAERR. */
recs_t recs_open(const char *path, const char *form, const char *values);

#endif
