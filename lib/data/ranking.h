/* Lists of items from best to worst: their order, where a target stands in one, and what its rank is worth. */
#ifndef SIDMILL_DATA_RANKING_H
#define SIDMILL_DATA_RANKING_H

#include <stdint.h>

/* An item with what it is ranked by. */
typedef struct {
    double score;
    int32_t item;
} ranking_item_t;

/* For qsort(): best first, by falling score, then by item index. Scores are no NaN. */
int ranking_best_first(const void *a, const void *b);

/* The items [n] from most to fewest events, ties by item. Caller frees. */
int32_t *ranking_by_events(const int64_t *events, int64_t n);

/* Offers an item to a list of at most m >= 1, of which *n are taken: the m best of all offers stay, in no order until they are
 * sorted by ranking_best_first(). */
void ranking_offer(ranking_item_t *list, int64_t *n, int64_t m, ranking_item_t item);

/* 1-based rank of `target` in items[0 .. k), 0 if absent. */
int32_t ranking_find(const int32_t *items, int64_t k, int32_t target);

/* 1[1 <= rank <= cut]. */
double ranking_hit(int32_t rank, int64_t cut);

/* 1 / log2(rank + 1), the gain of DCG; 0 for rank 0. */
double ranking_gain(int32_t rank);

#endif
