/* The popularity baseline: the same items for everyone. baselines.h has it as a ranker. */
#ifndef SIDMILL_SCORE_POPULAR_H
#define SIDMILL_SCORE_POPULAR_H

#include <stdint.h>

#include "data/interactions.h"
#include "select/item_set.h"

/* Every item by training popularity, most popular first, ties by item index; score: the number of training events. */
typedef struct {
    int64_t items;
    int32_t *order;      /* [items] */
    int64_t *popularity; /* [items], by item index */
} popular_t;

popular_t popular_fit(const interactions_t *x);
void popular_free(popular_t *p);

/* The k most popular items, of a set unless it is NULL: items [k] (-1 and score 0 beyond the last), scores [k]. */
void popular_topk(const popular_t *p, const item_set_t *within, int64_t k, int32_t *items, float *scores);

#endif
