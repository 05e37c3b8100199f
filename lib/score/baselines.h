/* What a trained model must beat: popularity, and item-item co-occurrence. Both are fitted on the training part of the
 * histories only. */
#ifndef SIDMILL_SCORE_BASELINES_H
#define SIDMILL_SCORE_BASELINES_H

#include <stdint.h>

#include "data/interactions.h"

/* Every item by training popularity, most popular first, ties by item index; score: the number of training events. */
typedef struct {
    int64_t items;
    int32_t *order;      /* [items] */
    int64_t *popularity; /* [items], by item index */
} popular_t;

popular_t popular_fit(const interactions_t *x);
void popular_free(popular_t *p);

/* The same k items for each of n users: items [n, k] (-1 and score 0 beyond the catalogue), scores [n, k]. */
void popular_topk(const popular_t *p, int64_t n, int64_t k, int32_t *items, float *scores);

/* Weighted co-occurrence. Where item b follows item a by s <= window events in a training history, the weight of b after a
 * grows by 1 / s, and that of a after b by back / s; the sums are divided by (popularity_a * popularity_b)^power (0: plain
 * counts, 1/2: cosine). */
typedef struct {
    int64_t window; /* >= 1 */
    double back;    /* in [0, 1] */
    double power;   /* in [0, 1] */
    double decay;   /* in (0, 1]: how much less each event counts than the one after it when a history asks */
} cooccur_options_t;

typedef struct {
    int64_t items;
    int64_t *offsets;   /* [items + 1]: row a lists what follows item a */
    int32_t *neighbour; /* ascending within a row */
    float *weight;
    double decay;
    popular_t popular;
} cooccur_t;

/* Costs window * events steps, and memory for every pair of items that meets. Rows are made in parallel. */
cooccur_t cooccur_fit(const interactions_t *x, const cooccur_options_t *options);
void cooccur_free(cooccur_t *c);

/* Score of an item: the sum over the history of decay^(steps from its end) * weight; items without one are not scored. The k
 * best, ties by item index; where fewer than k items have a score, popular ones fill up with score 0. Layout as
 * popular_topk(). Parallel over users. */
void cooccur_topk(const cooccur_t *c, int64_t n, const history_t *histories, int64_t k, int32_t *items, float *scores);

#endif
