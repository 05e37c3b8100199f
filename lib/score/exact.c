#include "score/exact.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/minmax.h"
#include "base/parallel.h"
#include "base/progress.h"
#include "data/ranking.h"
#include "gen/scorer.h"

enum { SCORES = 1 << 22 }; /* in memory at a time */

typedef struct {
    ranker_t ranker;
    scorer_t *scorer;
    int64_t items;
    int64_t *order; /* [items] by Semantic ID: those that share a prefix are scored together */
} exact_t;

/* The scores of some histories, and where their best items go. */
typedef struct {
    int64_t items, k;
    const int32_t *scored; /* [n, items] */
    const float *score;    /* [n, items] */
    int32_t *best;         /* [n, k] */
    float *best_score;
} choice_t;

static void choose(void *ctx, int64_t i, int worker)
{
    (void)worker;
    const choice_t *c = ctx;
    ranking_item_t *list = NEW_ARRAY(ranking_item_t, c->k);
    int64_t n = 0;
    for (int64_t j = i * c->items; j < (i + 1) * c->items; j++)
        ranking_offer(list, &n, c->k, (ranking_item_t){c->score[j], c->scored[j]});
    qsort(list, (size_t)n, sizeof *list, ranking_best_first);
    for (int64_t j = 0; j < c->k; j++) {
        c->best[i * c->k + j] = j < n ? list[j].item : RANKER_NONE;
        c->best_score[i * c->k + j] = j < n ? (float)list[j].score : 0;
    }
    free(list);
}

static void topk(ranker_t *r, const ranker_query_t *q, int64_t k, int32_t *items, float *scores)
{
    const exact_t *e = (exact_t *)r;
    const int64_t most = min64(q->n, max64(1, SCORES / max64(e->items, 1)));
    const size_t cells = size_mul((size_t)most, (size_t)e->items);
    int64_t *offsets = NEW_ARRAY(int64_t, most + 1);
    int32_t *scored = NEW_ARRAY(int32_t, cells);
    float *score = NEW_ARRAY(float, cells);
    for (int64_t i = 0; i <= most; i++) offsets[i] = i * e->items;
    for (int64_t j = 0; j < offsets[most]; j++) scored[j] = (int32_t)e->order[j % e->items];
    for (int64_t first = 0, n; first < q->n; first += n) {
        n = min64(most, q->n - first);
        scorer_run(e->scorer, n, q->histories + first, offsets, scored, score);
        choice_t c = {e->items, k, scored, score, items + first * k, scores + first * k};
        parallel_for(n, choose, &c);
        progress_add(n);
    }
    free(offsets);
    free(scored);
    free(score);
}

static void close_ranker(ranker_t *r)
{
    exact_t *e = (exact_t *)r;
    scorer_free(e->scorer);
    free(e->order);
    free(e);
}

ranker_t *exact_ranker(const recommender_t *r)
{
    exact_t *e = NEW(exact_t);
    const sids_t *sids = recommender_sids(r);
    *e = (exact_t){{"exact", topk, close_ranker, 0}, scorer_new(recommender_network(r), recommender_space(r), 1), sids->items,
                   sids_order(sids)};
    return &e->ranker;
}
