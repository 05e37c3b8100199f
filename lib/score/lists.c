#include "score/lists.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"

typedef struct {
    ranker_t ranker;
    recs_t recs;
    const char *name;
    const interactions_t *x;
    int32_t *item; /* [recs.item_ids] as x has them */
} lists_t;

static int32_t *item_map(const recs_t *r, const interactions_t *x, const char *name)
{
    int32_t *map = NEW_ARRAY(int32_t, r->item_ids.count + 1);
    int64_t unknown = 0;
    for (int64_t i = 0; i < r->item_ids.count; i++) map[i] = RANKER_UNKNOWN;
    for (int64_t i = 0; i < x->items; i++) {
        size_t n;
        const char *id = strtab_get(&x->item_ids, i, &n);
        int64_t row = strtab_find(&r->item_ids, id, n);
        if (row >= 0) map[row] = (int32_t)i;
    }
    for (int64_t i = 0; i < r->item_ids.count; i++) unknown += map[i] == RANKER_UNKNOWN;
    if (unknown) warn("%s: %lld of %lld items are not in the interactions; they keep their places and are never right", name,
                      (long long)unknown, (long long)r->item_ids.count);
    return map;
}

/* The file's row of a user of x, -1 where it has none. */
static int64_t row_of(const lists_t *l, int64_t user)
{
    size_t n;
    const char *id = strtab_get(&l->x->user_ids, user, &n);
    return strtab_find(&l->recs.user_ids, id, n);
}

static void need_lists(const lists_t *l, const ranker_query_t *q)
{
    int64_t missing = 0, first = -1;
    for (int64_t u = 0; u < q->n; u++)
        if (row_of(l, q->users[u]) < 0 && !missing++) first = q->users[u];
    if (!missing) return;
    size_t n;
    const char *id = strtab_get(&l->x->user_ids, first, &n);
    die(EX_DATAERR, "%s: no list for %lld of the %lld users, the first '%.*s'", l->name, (long long)missing, (long long)q->n,
        (int)n, id);
}

static void topk(ranker_t *r, const ranker_query_t *q, int64_t k, int32_t *items, float *scores)
{
    const lists_t *l = (lists_t *)r;
    need_lists(l, q);
    for (int64_t u = 0; u < q->n; u++) {
        const int32_t *list = l->recs.items + row_of(l, q->users[u]) * l->recs.k;
        for (int64_t i = 0; i < k; i++) {
            items[u * k + i] = i < l->recs.k && list[i] >= 0 ? l->item[list[i]] : RANKER_NONE;
            scores[u * k + i] = 0;
        }
    }
}

static void close_ranker(ranker_t *r)
{
    lists_t *l = (lists_t *)r;
    recs_free(&l->recs);
    free(l->item);
    free(l);
}

ranker_t *lists_ranker(recs_t recs, const char *name, const interactions_t *x)
{
    lists_t *l = NEW(lists_t);
    *l = (lists_t){{"recs", topk, close_ranker, recs.k}, recs, name, x, item_map(&recs, x, name)};
    return &l->ranker;
}
