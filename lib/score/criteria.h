/* What lists are judged by: the same for all systems that stand side by side. */
#ifndef SIDMILL_SCORE_CRITERIA_H
#define SIDMILL_SCORE_CRITERIA_H

#include "score/diversity.h"
#include "score/held_out.h"
#include "score/metrics.h"
#include "score/partition.h"

typedef struct {
    const metric_set_t *metrics;   /* borrowed */
    int64_t spare;                 /* places of the lists from which met items are left out */
    const strata_t *strata;        /* borrowed */
    int64_t *popularity;           /* [items] training events */
    partition_t parts[PARTITIONS]; /* of the cases */
    diversity_t diversity;         /* the caller fills it */
} criteria_t;

criteria_t criteria_new(const held_out_t *h, const metric_set_t *metrics, int64_t spare);
void criteria_free(criteria_t *c);

#endif
