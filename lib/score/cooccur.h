/* The item-item co-occurrence baseline. baselines.h has its options, and it as a ranker. */
#ifndef SIDMILL_SCORE_COOCCUR_H
#define SIDMILL_SCORE_COOCCUR_H

#include <stdint.h>

#include "data/interactions.h"
#include "matrix/sparse.h"
#include "score/baselines.h"
#include "score/popular.h"

typedef struct {
    csr_t rows; /* blend/cooccurrence.h */
    double decay;
    popular_t popular;
} cooccur_t;

/* Costs window * events steps, and memory for every pair of items that meets. Rows are made in parallel. */
cooccur_t cooccur_fit(const interactions_t *x, const cooccur_options_t *options);
void cooccur_free(cooccur_t *c);

/* Score of an item: the sum over the history of decay^(steps from its end) * weight; items without one are not scored. The k
 * best, ties by item index; where fewer than k items have a score, popular ones fill up with score 0. items [n, k]
 * (-1 and score 0 beyond the last), scores [n, k]. Parallel over users. */
void cooccur_topk(const cooccur_t *c, int64_t n, const history_t *histories, int64_t k, int32_t *items, float *scores);

#endif
