#include "blend/accumulator.h"

#include <stdlib.h>

#include "base/mem.h"

accumulator_t accumulator_new(int64_t items)
{
    return (accumulator_t){.sum = NEW_ARRAY(double, items + 1), .touched = NEW_ARRAY(uint8_t, items + 1),
                           .list = NEW_ARRAY(int32_t, items + 1)};
}

void accumulator_free(accumulator_t *a)
{
    free(a->sum);
    free(a->touched);
    free(a->list);
    *a = (accumulator_t){0};
}

void accumulator_clear(accumulator_t *a)
{
    for (int64_t i = 0; i < a->count; i++) {
        a->sum[a->list[i]] = 0;
        a->touched[a->list[i]] = 0;
    }
    a->count = 0;
}

static int ascending(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

void accumulator_sort(accumulator_t *a) { qsort(a->list, (size_t)a->count, sizeof *a->list, ascending); }

int64_t accumulator_best(const accumulator_t *a, const item_set_t *within, int64_t m, ranking_item_t *best)
{
    int64_t n = 0;
    for (int64_t i = 0; i < a->count && m > 0; i++)
        if (!within || item_set_holds(within, a->list[i])) ranking_offer(best, &n, m, (ranking_item_t){a->sum[a->list[i]], a->list[i]});
    qsort(best, (size_t)n, sizeof *best, ranking_best_first);
    return n;
}
