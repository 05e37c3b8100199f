/* Systems beside each other, by every user's rank: is B better than A; what does each row of an ablation gain. */
#ifndef SIDMILL_SCORE_COMPARISON_H
#define SIDMILL_SCORE_COMPARISON_H

#include <stdint.h>

#include "score/recs.h"

/* One system's ranks, a file a seed. */
typedef struct {
    char *label;
    char **names; /* [seeds] of the files, for messages */
    ranks_t *ranks;
    int seeds;
} system_ranks_t;

/* Reads "[LABEL=]A.st[,A2.st...]". Without a label, the text is its own. */
system_ranks_t system_ranks_read(const char *spec);
void system_ranks_free(system_ranks_t *s);

typedef struct {
    int64_t rounds; /* resamples of the users */
    uint64_t seed;
} bootstrap_options_t;

/* What b gains over a, as comparison/1; a user's value is the mean over a system's seeds. Ranks beyond the shortest list count
 * as not found. Users or splits that differ end the process with EX_DATAERR. Caller frees. */
char *comparison_json(const system_ranks_t *a, const system_ranks_t *b, const bootstrap_options_t *o);

/* What each of `count` >= 1 rows gains over the first, as ablation/1, with what the files say about the SIDs. As
 * comparison_json() otherwise. */
char *ablation_json(const system_ranks_t *rows, int count, const bootstrap_options_t *o);

#endif
