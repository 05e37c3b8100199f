#include "score/popular.h"

#include <stdlib.h>

#include "base/mem.h"
#include "data/ranking.h"
#include "score/baselines.h"

popular_t popular_fit(const interactions_t *x)
{
    popular_t p = {.items = x->items, .popularity = interactions_popularity(x)};
    p.order = ranking_by_events(p.popularity, p.items);
    return p;
}

void popular_free(popular_t *p)
{
    free(p->order);
    free(p->popularity);
    *p = (popular_t){0};
}

void popular_topk(const popular_t *p, int64_t n, int64_t k, int32_t *items, float *scores)
{
    for (int64_t u = 0; u < n; u++) {
        for (int64_t i = 0; i < k; i++) {
            int32_t item = i < p->items ? p->order[i] : RANKER_NONE;
            items[u * k + i] = item;
            scores[u * k + i] = item < 0 ? 0 : (float)p->popularity[item];
        }
    }
}

typedef struct {
    ranker_t ranker;
    popular_t popular;
} popular_ranker_t;

static void topk(ranker_t *r, const ranker_query_t *q, int64_t k, int32_t *items, float *scores)
{
    popular_topk(&((popular_ranker_t *)r)->popular, q->n, k, items, scores);
}

static void close_ranker(ranker_t *r)
{
    popular_free(&((popular_ranker_t *)r)->popular);
    free(r);
}

ranker_t *popular_ranker(const interactions_t *x, const baseline_options_t *o)
{
    (void)o;
    popular_ranker_t *r = NEW(popular_ranker_t);
    *r = (popular_ranker_t){{"popular", topk, close_ranker, 0}, popular_fit(x)};
    return &r->ranker;
}
