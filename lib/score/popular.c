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

void popular_topk(const popular_t *p, const item_set_t *within, int64_t k, int32_t *items, float *scores)
{
    int64_t have = 0;
    for (int64_t i = 0; i < p->items && have < k; i++) {
        if (within && !item_set_holds(within, p->order[i])) continue;
        items[have] = p->order[i];
        scores[have++] = (float)p->popularity[p->order[i]];
    }
    for (; have < k; have++) {
        items[have] = RANKER_NONE;
        scores[have] = 0;
    }
}

typedef struct {
    ranker_t ranker;
    popular_t popular;
} popular_ranker_t;

static void topk(ranker_t *r, const ranker_query_t *q, int64_t k, int32_t *items, float *scores)
{
    for (int64_t u = 0; u < q->n; u++)
        popular_topk(&((popular_ranker_t *)r)->popular, q->within ? q->within[u] : NULL, k, items + u * k, scores + u * k);
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
