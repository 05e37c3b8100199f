#include "data/ranking.h"

#include <math.h>

int ranking_best_first(const void *a, const void *b)
{
    const ranking_item_t *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

int32_t ranking_find(const int32_t *items, int64_t k, int32_t target)
{
    for (int64_t i = 0; i < k; i++)
        if (items[i] == target) return (int32_t)(i + 1);
    return 0;
}

double ranking_hit(int32_t rank, int64_t cut) { return rank >= 1 && rank <= cut; }

double ranking_gain(int32_t rank) { return rank >= 1 ? 1 / log2(1.0 + rank) : 0; }
