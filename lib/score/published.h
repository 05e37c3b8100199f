/* What others have reported, as a table in a file: tab-separated cells under a line with the columns' names, `dataset`, `split`,
 * `mask`, `metric`, `system`, `value`, `users` (of the split; may be empty or no column) and `source`, in any order; lines that
 * begin with '#' are comments. */
#ifndef SIDMILL_SCORE_PUBLISHED_H
#define SIDMILL_SCORE_PUBLISHED_H

#include <stdbool.h>
#include <stdint.h>

#include "data/protocol.h"

/* Whether items of the history were kept out of the lists: "no", "yes", "unknown". */
typedef enum { MASK_NO, MASK_YES, MASK_UNKNOWN, MASKS } mask_t;

/* One figure. */
typedef struct {
    char *dataset, *split, *metric, *system, *source;
    mask_t mask;
    double value;
    int64_t users; /* 0: the file does not say */
    long long line;
} figure_t;

typedef struct {
    char *name; /* the file's, for messages */
    figure_t *figures;
    int64_t count, cap;
} published_t;

/* Reads a file; a line that is wrong, or says what another has said, ends the process with EX_DATAERR and "FILE:LINE: ...". */
published_t published_read(const char *path);
void published_free(published_t *p);

/* True if a figure may stand beside results of a protocol: its mask is that protocol's, or unknown. */
bool published_fits(const figure_t *f, protocol_t protocol);

#endif
