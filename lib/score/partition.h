/* Cases in labelled parts that are judged apart. One mechanism for all: a further partition is a name, its labels, and a function
 * that says which part a case is in. */
#ifndef SIDMILL_SCORE_PARTITION_H
#define SIDMILL_SCORE_PARTITION_H

#include "score/held_out.h"

enum { PARTS_MOST = 3 };

typedef struct {
    const char *name;               /* as metrics.json has it */
    int count;                      /* parts; 0: there is nothing in the data to part them by */
    const char *labels[PARTS_MOST];
    uint8_t *of_case;               /* [n] */
} partition_t;

/* `strata`: head, middle, tail, by the popularity of the target (score/strata.h).
 * `strata_history`: short, middle, long: from the shortest history up, `short` are those before the first third of the cases is
 * reached, `long` those after the second third; histories of one length stay together.
 * `strata_tie`: tie, others: whether the target happened at the same time as the event before it. Only where the interactions have
 * times: their metadata `times` says "seconds", or nothing and somebody's timestamps are not 0, 1, 2 ...
 * `strata_cold`: cold, others: whether the target has no training event. */
enum { PARTITION_POPULARITY, PARTITION_HISTORY, PARTITION_TIE, PARTITION_COLD, PARTITIONS };

/* Fills all; popularity [items]: training events. */
void partitions_make(const held_out_t *h, const int64_t *popularity, partition_t parts[PARTITIONS]);
void partitions_free(partition_t parts[PARTITIONS]);

#endif
