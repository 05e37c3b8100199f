/* Systems beside each other, by every user's rank: is B better than A; what does each row of an ablation gain. A system is
 * given as an operand, "[LABEL=]A.st[,A2.st...]": its ranks/1 files, one a seed; without a label, the operand is its own. */
#ifndef SIDMILL_SCORE_COMPARISON_H
#define SIDMILL_SCORE_COMPARISON_H

#include <stdint.h>

#include "data/protocol.h"
#include "score/metrics.h"

typedef struct {
    const metric_set_t *metrics; /* borrowed; those of cuts beyond the shortest list are left out */
    int64_t rounds; /* resamples of the users */
    uint64_t seed;
    protocol_t protocol; /* whose ranks are compared */
} comparison_options_t;

/* What b gains over a, as comparison/1, and by strata of popularity where the files tell; a user's value is the mean over a system's
 * seeds. Ranks beyond the shortest list count as not found. Users or splits that differ, or a file without ranks under the protocol, end the process with EX_DATAERR.
 * Caller frees. */
char *comparison_json(const char *a, const char *b, const comparison_options_t *o);

/* What each of `count` >= 1 rows gains over the first, as ablation/1, with what the files say about the SIDs. The p-values of one
 * metric are a family, which Holm's correction (score/significance.h) makes `p_holm` from; the first row, which is compared with
 * itself, is no part of it and has null. As comparison_json() otherwise. */
char *comparison_ablation_json(char **rows, int count, const comparison_options_t *o);

#endif
