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

static bool is_better(const ranking_item_t *a, const ranking_item_t *b) { return ranking_best_first(a, b) < 0; }

/* Restores the heap below place i, the worst of all at the top. */
static void sift_down(ranking_item_t *heap, int64_t n, int64_t i)
{
    for (int64_t child; (child = 2 * i + 1) < n; i = child) {
        if (child + 1 < n && is_better(&heap[child], &heap[child + 1])) child++;
        if (!is_better(&heap[i], &heap[child])) return;
        const ranking_item_t swap = heap[i];
        heap[i] = heap[child];
        heap[child] = swap;
    }
}

int64_t accumulator_best(const accumulator_t *a, int64_t m, ranking_item_t *best)
{
    int64_t n = 0;
    for (int64_t i = 0; i < a->count && m > 0; i++) {
        const ranking_item_t item = {a->sum[a->list[i]], a->list[i]};
        if (n < m) {
            best[n++] = item;
            for (int64_t at = n / 2 - 1; n == m && at >= 0; at--) sift_down(best, n, at);
        } else if (is_better(&item, &best[0])) {
            best[0] = item;
            sift_down(best, n, 0);
        }
    }
    qsort(best, (size_t)n, sizeof *best, ranking_best_first);
    return n;
}
