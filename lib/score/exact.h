/* A generator without a beam: every item of the catalogue is scored, so that what a beam loses can be seen. */
#ifndef SIDMILL_SCORE_EXACT_H
#define SIDMILL_SCORE_EXACT_H

#include "score/recommender.h"

/* The items of highest probability among all, as a ranker named "exact"; scores and their order are those of the recommender's
 * beam search, which finds the same lists where it is wide enough. Borrows r. A history costs a step for every prefix of the
 * trie. */
ranker_t *exact_ranker(const recommender_t *r);

#endif
