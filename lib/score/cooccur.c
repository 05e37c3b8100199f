#include "score/cooccur.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/minmax.h"
#include "base/parallel.h"
#include "blend/accumulator.h"

enum { USERS_A_SHARD = 64 };

cooccur_t cooccur_fit(const interactions_t *x, const cooccur_options_t *options)
{
    return (cooccur_t){cooccurrence_rows(x, options), options->decay, popular_fit(x)};
}

void cooccur_free(cooccur_t *c)
{
    csr_free(&c->rows);
    popular_free(&c->popular);
    *c = (cooccur_t){0};
}

typedef struct {
    const cooccur_t *c;
    const history_t *histories;
    int64_t n, k;
    accumulator_t *scratch;
    ranking_item_t **best; /* by worker, [k] */
    int32_t *items;
    float *scores;
} ask_t;

/* Appends the most popular items that the list does not hold yet. */
static int64_t fill_up(const popular_t *p, const accumulator_t *listed, int64_t have, int64_t k, int32_t *items, float *scores)
{
    for (int64_t i = 0; i < p->items && have < k; i++) {
        if (listed->touched[p->order[i]]) continue;
        items[have] = p->order[i];
        scores[have++] = 0;
    }
    return have;
}

static void ask_user(const ask_t *q, int64_t user, accumulator_t *a, ranking_item_t *best)
{
    const cooccur_t *c = q->c;
    const csr_t *rows = &c->rows;
    const history_t *h = &q->histories[user];
    double weight = 1;
    for (int64_t p = h->count - 1; p >= 0 && weight > 1e-9; p--, weight *= c->decay) {
        int32_t item = h->items[p];
        for (int64_t i = rows->offsets[item]; i < rows->offsets[item + 1]; i++)
            accumulate(a, rows->index[i], weight * (double)rows->value[i]);
    }
    int32_t *items = q->items + user * q->k;
    float *scores = q->scores + user * q->k;
    int64_t have = accumulator_best(a, NULL, q->k, best);
    for (int64_t i = 0; i < have; i++) {
        items[i] = best[i].item;
        scores[i] = (float)best[i].score;
    }
    have = fill_up(&c->popular, a, have, q->k, items, scores);
    for (; have < q->k; have++) {
        items[have] = RANKER_NONE;
        scores[have] = 0;
    }
    accumulator_clear(a);
}

static void ask_users(void *ctx, int64_t shard, int worker)
{
    const ask_t *q = ctx;
    int64_t end = (shard + 1) * USERS_A_SHARD < q->n ? (shard + 1) * USERS_A_SHARD : q->n;
    for (int64_t u = shard * USERS_A_SHARD; u < end; u++) ask_user(q, u, &q->scratch[worker], q->best[worker]);
}

void cooccur_topk(const cooccur_t *c, int64_t n, const history_t *histories, int64_t k, int32_t *items, float *scores)
{
    ask_t q = {c, histories, n, k, NEW_ARRAY(accumulator_t, parallel_workers()), NEW_ARRAY(ranking_item_t *, parallel_workers()),
               items, scores};
    for (int w = 0; w < parallel_workers(); w++) {
        q.scratch[w] = accumulator_new(c->rows.rows);
        q.best[w] = NEW_ARRAY(ranking_item_t, min64(k, c->rows.rows) + 1);
    }
    parallel_for((n + USERS_A_SHARD - 1) / USERS_A_SHARD, ask_users, &q);
    for (int w = 0; w < parallel_workers(); w++) {
        accumulator_free(&q.scratch[w]);
        free(q.best[w]);
    }
    free(q.scratch);
    free(q.best);
}

typedef struct {
    ranker_t ranker;
    cooccur_t cooccur;
} cooccur_ranker_t;

static void topk(ranker_t *r, const ranker_query_t *q, int64_t k, int32_t *items, float *scores)
{
    cooccur_topk(&((cooccur_ranker_t *)r)->cooccur, q->n, q->histories, k, items, scores);
}

static void close_ranker(ranker_t *r)
{
    cooccur_free(&((cooccur_ranker_t *)r)->cooccur);
    free(r);
}

ranker_t *cooccur_ranker(const interactions_t *x, const baseline_options_t *o)
{
    cooccur_ranker_t *r = NEW(cooccur_ranker_t);
    *r = (cooccur_ranker_t){{"cooccur", topk, close_ranker, 0}, cooccur_fit(x, &o->cooccur)};
    return &r->ranker;
}
