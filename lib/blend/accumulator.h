/* Sums over few of many items: dense, with the list of those touched, so that a use costs what it touches. */
#ifndef SIDMILL_BLEND_ACCUMULATOR_H
#define SIDMILL_BLEND_ACCUMULATOR_H

#include <stdint.h>

#include "data/ranking.h"
#include "select/item_set.h"

typedef struct {
    double *sum;      /* [items], all 0 between uses */
    uint8_t *touched; /* [items] */
    int32_t *list;    /* [items] those touched, in the order of their first touch */
    int64_t count;
} accumulator_t;

accumulator_t accumulator_new(int64_t items);
void accumulator_free(accumulator_t *a);

static inline void accumulate(accumulator_t *a, int32_t item, double weight)
{
    if (!a->touched[item]) {
        a->touched[item] = 1;
        a->list[a->count++] = item;
    }
    a->sum[item] += weight;
}

/* Takes all sums away. */
void accumulator_clear(accumulator_t *a);

/* Orders the list by item. */
void accumulator_sort(accumulator_t *a);

/* The m best of what was touched, of a set unless it is NULL, best first, ties by item: best has room for m. Returns their number. */
int64_t accumulator_best(const accumulator_t *a, const item_set_t *within, int64_t m, ranking_item_t *best);

#endif
