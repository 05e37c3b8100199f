/* Ranking metrics from the 1-based rank of each user's one held-out item: 0 where the list does not hold it. */
#ifndef SIDMILL_SCORE_METRICS_H
#define SIDMILL_SCORE_METRICS_H

#include <stdint.h>

enum { METRIC_CUTS = 4, METRICS = 2 * METRIC_CUTS + 1, COVERAGE_CUT = 10 };

extern const int metric_cuts[METRIC_CUTS]; /* 1, 5, 10, 20 */

/* Metric m in [0, METRICS): hr@1 .. hr@20, ndcg@1 .. ndcg@20, mrr. */
const char *metric_name(int m);

/* The longest list that metric m looks at; 0 for mrr, which takes the list as long as it is. */
int metric_cut(int m);

/* One user's value: hr@c = 1[1 <= rank <= c]; ndcg@c = hr@c / log2(rank + 1) (one relevant item, so the ideal is 1);
 * mrr = 1 / rank. All are 0 for rank 0. */
double metric_value(int m, int32_t rank);

/* Means over users. value[m] is NaN where it is not defined: no users, no lists (k 0), or a cut beyond their length. */
typedef struct {
    int64_t users;
    double value[METRICS];
} metrics_t;

/* Of the `n` ranks in lists of length k; with `stratum` not NULL, only of the users u with stratum[u] == which. */
metrics_t metrics_mean(const int32_t *rank, int64_t n, int64_t k, const uint8_t *stratum, int which);

/* Share of the `items` items of the catalogue that some user's first COVERAGE_CUT places hold: lists [n, k], -1 none, ids
 * outside the catalogue ignored. NaN where k < COVERAGE_CUT or there are no items. */
double metric_coverage(const int32_t *lists, int64_t n, int64_t k, int64_t items);

#endif
