/* What a reader mended or left out, counted by reason: for the report of a run over raw data. */
#ifndef SIDMILL_FORMATS_TALLY_H
#define SIDMILL_FORMATS_TALLY_H

#include <stdint.h>

enum { TALLY_MAX = 32 };

typedef struct {
    int count;
    struct {
        const char *reason;   /* static; words joined by underscores: a JSON key, and with blanks a note */
        int64_t n;
    } of[TALLY_MAX];          /* in order of first appearance */
} tally_t;

/* Counts `reason` n more times; with 0 it is there, uncounted. More than TALLY_MAX reasons end the process. */
void tally_add(tally_t *t, const char *reason, int64_t n);

/* How often `reason` was counted. */
int64_t tally_get(const tally_t *t, const char *reason);

#endif
