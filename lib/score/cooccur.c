#include "score/cooccur.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "data/ranking.h"

enum { ROWS_A_SHARD = 256, USERS_A_SHARD = 64 };

/* Sparse accumulation over items: a dense sum and the list of the items it touched. */
typedef struct {
    double *sum;      /* [items], all 0 between uses */
    uint8_t *touched; /* [items] */
    int32_t *list;    /* [items] */
    int64_t count;
} accumulator_t;

static accumulator_t *accumulators(int64_t items)
{
    accumulator_t *a = NEW_ARRAY(accumulator_t, parallel_workers());
    for (int w = 0; w < parallel_workers(); w++) {
        a[w].sum = NEW_ARRAY(double, items + 1);
        a[w].touched = NEW_ARRAY(uint8_t, items + 1);
        a[w].list = NEW_ARRAY(int32_t, items + 1);
    }
    return a;
}

static void accumulators_free(accumulator_t *a)
{
    for (int w = 0; w < parallel_workers(); w++) {
        free(a[w].sum);
        free(a[w].touched);
        free(a[w].list);
    }
    free(a);
}

static void accumulate(accumulator_t *a, int32_t item, double weight)
{
    if (!a->touched[item]) {
        a->touched[item] = 1;
        a->list[a->count++] = item;
    }
    a->sum[item] += weight;
}

static void accumulator_clear(accumulator_t *a)
{
    for (int64_t i = 0; i < a->count; i++) {
        a->sum[a->list[i]] = 0;
        a->touched[a->list[i]] = 0;
    }
    a->count = 0;
}

/* Where each item occurs in the training histories, all histories laid end to end: a row is then the sum over its item's
 * occurrences, and no list of pairs is ever held. */
typedef struct {
    int64_t events;
    int32_t *item;  /* [events] */
    int64_t *begin; /* [events] first event of the same history */
    int64_t *end;   /* [events] one past its last */
    int64_t *first; /* [items + 1] into places */
    int64_t *place; /* [events] grouped by item, ascending */
} occurrences_t;

static occurrences_t occurrences(const interactions_t *x)
{
    occurrences_t o = {.item = NEW_ARRAY(int32_t, x->events + 1), .begin = NEW_ARRAY(int64_t, x->events + 1),
                       .end = NEW_ARRAY(int64_t, x->events + 1), .first = NEW_ARRAY(int64_t, x->items + 2),
                       .place = NEW_ARRAY(int64_t, x->events + 1)};
    history_t h;
    for (int64_t u = 0; u < x->users; u++) {
        if (!interactions_history(x, u, SPLIT_TRAIN, &h)) continue;
        int64_t begin = o.events;
        for (int64_t i = 0; i < h.count; i++) {
            o.begin[o.events] = begin;
            o.end[o.events] = begin + h.count;
            o.item[o.events++] = h.items[i];
            o.first[h.items[i] + 2]++;
        }
    }
    /* first[i + 1] is item i's next free place while they are dealt out, and its end afterwards. */
    for (int64_t i = 0; i < x->items; i++) o.first[i + 2] += o.first[i + 1];
    for (int64_t e = 0; e < o.events; e++) o.place[o.first[o.item[e] + 1]++] = e;
    return o;
}

static void occurrences_free(occurrences_t *o)
{
    free(o->item);
    free(o->begin);
    free(o->end);
    free(o->first);
    free(o->place);
}

typedef struct {
    occurrences_t at;
    int64_t items;
    cooccur_options_t options;
    double *norm; /* [items] popularity^power */
    accumulator_t *scratch;
    int64_t *row_size;   /* [items] */
    int32_t **neighbour; /* [items] */
    float **weight;      /* [items] */
} fit_t;

static int ascending(const void *a, const void *b)
{
    int32_t x = *(const int32_t *)a, y = *(const int32_t *)b;
    return (x > y) - (x < y);
}

static void fit_row(fit_t *f, int64_t item, accumulator_t *a)
{
    const occurrences_t *o = &f->at;
    int64_t window = f->options.window;
    for (int64_t p = o->first[item]; p < o->first[item + 1]; p++) {
        int64_t e = o->place[p];
        int64_t before = e - o->begin[e] > window ? window : e - o->begin[e];
        int64_t after = o->end[e] - e > window ? window : o->end[e] - 1 - e;
        for (int64_t s = 1; s <= after; s++) accumulate(a, o->item[e + s], 1.0 / (double)s);
        for (int64_t s = 1; s <= before && f->options.back > 0; s++) accumulate(a, o->item[e - s], f->options.back / (double)s);
    }
    qsort(a->list, (size_t)a->count, sizeof *a->list, ascending);
    f->row_size[item] = a->count;
    f->neighbour[item] = NEW_ARRAY(int32_t, a->count + 1);
    f->weight[item] = NEW_ARRAY(float, a->count + 1);
    for (int64_t i = 0; i < a->count; i++) {
        int32_t other = a->list[i];
        f->neighbour[item][i] = other;
        f->weight[item][i] = (float)(a->sum[other] / (f->norm[item] * f->norm[other]));
    }
    accumulator_clear(a);
}

static void fit_rows(void *ctx, int64_t shard, int worker)
{
    fit_t *f = ctx;
    int64_t end = (shard + 1) * ROWS_A_SHARD < f->items ? (shard + 1) * ROWS_A_SHARD : f->items;
    for (int64_t i = shard * ROWS_A_SHARD; i < end; i++) fit_row(f, i, &f->scratch[worker]);
}

static void join_rows(cooccur_t *c, fit_t *f)
{
    c->offsets = NEW_ARRAY(int64_t, c->items + 1);
    for (int64_t i = 0; i < c->items; i++) c->offsets[i + 1] = c->offsets[i] + f->row_size[i];
    c->neighbour = NEW_ARRAY(int32_t, c->offsets[c->items] + 1);
    c->weight = NEW_ARRAY(float, c->offsets[c->items] + 1);
    for (int64_t i = 0; i < c->items; i++) {
        memcpy(c->neighbour + c->offsets[i], f->neighbour[i], (size_t)f->row_size[i] * sizeof *c->neighbour);
        memcpy(c->weight + c->offsets[i], f->weight[i], (size_t)f->row_size[i] * sizeof *c->weight);
        free(f->neighbour[i]);
        free(f->weight[i]);
    }
}

cooccur_t cooccur_fit(const interactions_t *x, const cooccur_options_t *options)
{
    cooccur_t c = {.items = x->items, .decay = options->decay, .popular = popular_fit(x)};
    fit_t f = {.at = occurrences(x), .items = x->items, .options = *options, .norm = NEW_ARRAY(double, x->items + 1),
               .scratch = accumulators(x->items), .row_size = NEW_ARRAY(int64_t, x->items + 1),
               .neighbour = NEW_ARRAY(int32_t *, x->items + 1), .weight = NEW_ARRAY(float *, x->items + 1)};
    for (int64_t i = 0; i < x->items; i++) f.norm[i] = pow((double)c.popular.popularity[i], options->power);
    parallel_for((x->items + ROWS_A_SHARD - 1) / ROWS_A_SHARD, fit_rows, &f);
    join_rows(&c, &f);
    occurrences_free(&f.at);
    accumulators_free(f.scratch);
    free(f.norm);
    free(f.row_size);
    free(f.neighbour);
    free(f.weight);
    return c;
}

void cooccur_free(cooccur_t *c)
{
    free(c->offsets);
    free(c->neighbour);
    free(c->weight);
    popular_free(&c->popular);
    *c = (cooccur_t){0};
}

typedef struct {
    const cooccur_t *c;
    const history_t *histories;
    int64_t n, k;
    accumulator_t *scratch;
    ranking_item_t **best; /* by worker, [items] */
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
    const history_t *h = &q->histories[user];
    double weight = 1;
    for (int64_t p = h->count - 1; p >= 0 && weight > 1e-9; p--, weight *= c->decay) {
        int32_t item = h->items[p];
        for (int64_t i = c->offsets[item]; i < c->offsets[item + 1]; i++)
            accumulate(a, c->neighbour[i], weight * (double)c->weight[i]);
    }
    for (int64_t i = 0; i < a->count; i++) best[i] = (ranking_item_t){a->sum[a->list[i]], a->list[i]};
    qsort(best, (size_t)a->count, sizeof *best, ranking_best_first);
    int32_t *items = q->items + user * q->k;
    float *scores = q->scores + user * q->k;
    int64_t have = a->count < q->k ? a->count : q->k;
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
    ask_t q = {c, histories, n, k, accumulators(c->items), NEW_ARRAY(ranking_item_t *, parallel_workers()), items, scores};
    for (int w = 0; w < parallel_workers(); w++) q.best[w] = NEW_ARRAY(ranking_item_t, c->items + 1);
    parallel_for((n + USERS_A_SHARD - 1) / USERS_A_SHARD, ask_users, &q);
    for (int w = 0; w < parallel_workers(); w++) free(q.best[w]);
    free(q.best);
    accumulators_free(q.scratch);
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
