#include "score/metrics.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"

const int metric_cuts[METRIC_CUTS] = {1, 5, 10, 20};

const char *metric_name(int m)
{
    static const char *const names[METRICS] = {"hr@1",   "hr@5",    "hr@10",   "hr@20", "ndcg@1",
                                               "ndcg@5", "ndcg@10", "ndcg@20", "mrr"};
    return names[m];
}

int metric_cut(int m) { return m == METRICS - 1 ? 0 : metric_cuts[m % METRIC_CUTS]; }

double metric_value(int m, int32_t rank)
{
    if (rank < 1) return 0;
    if (m == METRICS - 1) return 1.0 / rank;
    if (rank > metric_cut(m)) return 0;
    return m < METRIC_CUTS ? 1 : 1 / log2(1.0 + rank);
}

metrics_t metrics_mean(const int32_t *rank, int64_t n, int64_t k, const uint8_t *stratum, int which)
{
    metrics_t mean = {0};
    for (int64_t u = 0; u < n; u++) {
        if (stratum && stratum[u] != which) continue;
        mean.users++;
        for (int m = 0; rank[u] > 0 && m < METRICS; m++) mean.value[m] += metric_value(m, rank[u]);
    }
    for (int m = 0; m < METRICS; m++)
        mean.value[m] = mean.users && metric_cut(m) <= k ? mean.value[m] / (double)mean.users : NAN;
    return mean;
}

int32_t metric_rank(const int32_t *items, int64_t k, int32_t target)
{
    for (int64_t i = 0; i < k; i++)
        if (items[i] == target) return (int32_t)(i + 1);
    return 0;
}

const char *stratum_name(int s)
{
    static const char *const names[STRATA] = {"head", "middle", "tail"};
    return names[s];
}

typedef struct {
    int64_t popularity, item;
} item_count_t;

static int most_popular_first(const void *a, const void *b)
{
    const item_count_t *x = a, *y = b;
    if (x->popularity != y->popularity) return x->popularity > y->popularity ? -1 : 1;
    return (x->item > y->item) - (x->item < y->item);
}

/* The stratum of items that come after `before` of `total` events. */
static int stratum_at(int64_t before, int64_t total)
{
    double share = total ? (double)before / (double)total : 1;
    return share < 1.0 / 3 ? STRATUM_HEAD : share < 2.0 / 3 ? STRATUM_MIDDLE : STRATUM_TAIL;
}

strata_t strata_make(const int64_t *popularity, int64_t items)
{
    strata_t s = {.of_item = NEW_ARRAY(uint8_t, items + 1)};
    item_count_t *order = NEW_ARRAY(item_count_t, items + 1);
    int64_t total = 0, before = 0;
    for (int64_t i = 0; i < items; i++) {
        order[i] = (item_count_t){popularity[i], i};
        total += popularity[i];
    }
    qsort(order, (size_t)items, sizeof *order, most_popular_first);
    for (int64_t i = 0, end; i < items; i = end) {
        int64_t p = order[i].popularity;
        for (end = i; end < items && order[end].popularity == p; end++) {}
        int which = stratum_at(before, total);
        if (!s.items[which]) s.most[which] = p;
        s.least[which] = p;
        s.items[which] += end - i;
        before += p * (end - i);
        for (int64_t j = i; j < end; j++) s.of_item[order[j].item] = (uint8_t)which;
    }
    free(order);
    return s;
}

void strata_free(strata_t *s)
{
    free(s->of_item);
    *s = (strata_t){0};
}

double metric_coverage(const int32_t *lists, int64_t n, int64_t k, int64_t items)
{
    if (k < COVERAGE_CUT || items < 1) return NAN;
    uint8_t *shown = NEW_ARRAY(uint8_t, items);
    int64_t covered = 0;
    for (int64_t u = 0; u < n; u++) {
        for (int64_t i = 0; i < COVERAGE_CUT; i++) {
            int32_t item = lists[u * k + i];
            if (item < 0 || item >= items || shown[item]) continue;
            shown[item] = 1;
            covered++;
        }
    }
    free(shown);
    return (double)covered / (double)items;
}
