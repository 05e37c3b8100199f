#include "data/ranking.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"

int ranking_best_first(const void *a, const void *b)
{
    const ranking_item_t *x = a, *y = b;
    if (x->score != y->score) return x->score > y->score ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

static bool is_better(const ranking_item_t *a, const ranking_item_t *b) { return ranking_best_first(a, b) < 0; }

/* Restores the heap below place i, the worst of all at its top. */
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

int32_t *ranking_by_events(const int64_t *events, int64_t n)
{
    ranking_item_t *all = NEW_ARRAY(ranking_item_t, n + 1);
    int32_t *order = NEW_ARRAY(int32_t, n + 1);
    for (int64_t i = 0; i < n; i++) all[i] = (ranking_item_t){(double)events[i], (int32_t)i};
    qsort(all, (size_t)n, sizeof *all, ranking_best_first);
    for (int64_t i = 0; i < n; i++) order[i] = all[i].item;
    free(all);
    return order;
}

void ranking_offer(ranking_item_t *list, int64_t *n, int64_t m, ranking_item_t item)
{
    if (*n == m) {
        if (!is_better(&item, &list[0])) return;
        list[0] = item;
        sift_down(list, m, 0);
        return;
    }
    list[(*n)++] = item;
    for (int64_t at = m / 2 - 1; *n == m && at >= 0; at--) sift_down(list, m, at);
}

int32_t ranking_find(const int32_t *items, int64_t k, int32_t target)
{
    for (int64_t i = 0; i < k; i++)
        if (items[i] == target) return (int32_t)(i + 1);
    return 0;
}

double ranking_hit(int32_t rank, int64_t cut) { return rank >= 1 && rank <= cut; }

double ranking_gain(int32_t rank) { return rank >= 1 ? 1 / log2(1.0 + rank) : 0; }
