#include "score/metrics.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "data/ranking.h"

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
    double hit = ranking_hit(rank, metric_cut(m));
    return m < METRIC_CUTS ? hit : hit * ranking_gain(rank);
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
        mean.value[m] = mean.users && k > 0 && metric_cut(m) <= k ? mean.value[m] / (double)mean.users : NAN;
    return mean;
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
