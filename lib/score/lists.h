/* Anyone's lists (score/recs.h) as a ranker: users and items are matched by id. */
#ifndef SIDMILL_SCORE_LISTS_H
#define SIDMILL_SCORE_LISTS_H

#include "score/ranker.h"
#include "score/recs.h"

/* The lists for the users of x, as rows of x's items. Takes `recs` over; the rest is borrowed, `name` is the file's. Items that x
 * lacks are RANKER_UNKNOWN, of which a warning tells. A query must have its users; one of them without a list ends the process
 * with EX_DATAERR. Histories count for nothing, and scores are 0: a list is an order. */
ranker_t *lists_ranker(recs_t recs, const char *name, const interactions_t *x);

#endif
