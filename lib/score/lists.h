/* Anyone's lists (score/recs.h) as a ranker: users and items are matched by id. */
#ifndef SIDMILL_SCORE_LISTS_H
#define SIDMILL_SCORE_LISTS_H

#include <stdbool.h>

#include "base/buf.h"
#include "score/ranker.h"
#include "score/recs.h"

/* The lists for the users of x, as rows of x's items. Takes `recs` over; x is borrowed. Items that x lacks, of which a warning tells,
 * are RANKER_UNKNOWN, and so is a place that repeats an item of its list, but one that the history holds. A query must have its users;
 * one of them without a list has an empty one. Scores are 0: a list is an order. */
ranker_t *lists_ranker(recs_t recs, const interactions_t *x);

/* What lists hold that counts for nothing, and what they lack. */
typedef struct {
    int64_t users;        /* who ask, whatever number of cases */
    int64_t duplicates;   /* places of their lists that repeat an item */
    int64_t unknown;      /* places whose item the catalogue lacks */
    int64_t shorter;      /* of their lists, with fewer than k places */
    int64_t missing;      /* users who have none for a case */
    int64_t unused;       /* lists that nobody asks for */
} lists_report_t;

/* Looks through the lists of those who ask, a user's cases one behind the other, says what is amiss as warnings and notes, and counts. Where somebody has no list, the
 * process ends with EX_DATAERR unless such lists count as empty. */
lists_report_t lists_look(ranker_t *lists, const ranker_query_t *q, int64_t k, bool missing_are_empty);

/* Appends `"lists": {"users": ...}`. */
void lists_json(buf_t *out, const lists_report_t *r);

#endif
