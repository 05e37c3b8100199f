/* Ranking metrics from the 1-based rank of each case's one held-out item: 0 where the list does not hold it. One item is relevant,
 * so recall@c is hr@c, and map@c is mrr@c. */
#ifndef SIDMILL_SCORE_METRICS_H
#define SIDMILL_SCORE_METRICS_H

#include <stdint.h>

enum { CUTS_MOST = 16, CUT_LARGEST = 100000, METRICS_MOST = 3 * CUTS_MOST + 1, METRIC_NAME = 16 };

#define CUTS_DEFAULT "1,5,10,20"

/* Which metrics: hr at every cut, ndcg at every cut, mrr, and mrr at every cut, numbered in this order. */
typedef struct {
    int cuts, count; /* cuts; metrics */
    int32_t cut[CUTS_MOST];
    char name[METRICS_MOST][METRIC_NAME]; /* "hr@10", "mrr" ... */
} metric_set_t;

/* Of cuts as an option has them: up to CUTS_MOST ascending numbers from 1 to CUT_LARGEST with commas between. Anything else ends
 * the process with EX_USAGE. */
metric_set_t metric_set_read(const char *cuts);

/* The longest list that metric m looks at; 0 for mrr, which takes the list as long as it is. */
int64_t metric_cut(const metric_set_t *s, int m);

/* The numbers of hr and ndcg at the cut to show where there is room for one: 10, or the largest where 10 is none; and of mrr. */
int metric_main_hr(const metric_set_t *s);
int metric_main_ndcg(const metric_set_t *s);
int metric_mrr(const metric_set_t *s);

/* One case's value: hr@c = 1[1 <= rank <= c]; ndcg@c = hr@c / log2(rank + 1) (one relevant item, so the ideal is 1);
 * mrr = 1 / rank; mrr@c = hr@c / rank. All are 0 for rank 0. */
double metric_value(const metric_set_t *s, int m, int32_t rank);

/* Means over cases. value[m] is NaN where it is not defined: no cases, no lists (k 0), or a cut beyond their length. */
typedef struct {
    int64_t users;
    double value[METRICS_MOST];
} metrics_t;

/* Of the `n` ranks in lists of length k; with `part` not NULL, only of the cases u with part[u] == which. */
metrics_t metrics_mean(const metric_set_t *s, const int32_t *rank, int64_t n, int64_t k, const uint8_t *part, int which);

#endif
