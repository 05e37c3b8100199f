#include "score/lists.h"

#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "data/met.h"

typedef struct {
    ranker_t ranker;
    recs_t recs;
    const interactions_t *x;
    int32_t *item;     /* [recs.item_ids] as x has them */
    int64_t *user;     /* [x.users] as recs has them, -1: not at all */
    int32_t *places;   /* [recs.k] the list at hand */
    int64_t *last;     /* [x.items] the last round in which the item stood in a list */
    int64_t round;
    met_t met;
} lists_t;

/* Rows of `to` for the ids of `from`, -1 where there is none. */
static int64_t *match(const strtab_t *from, const strtab_t *to)
{
    int64_t *row = NEW_ARRAY(int64_t, from->count + 1);
    for (int64_t i = 0; i < from->count; i++) {
        size_t n;
        const char *id = strtab_get(from, i, &n);
        row[i] = strtab_find(to, id, n);
    }
    return row;
}

static int32_t *item_map(const recs_t *r, const interactions_t *x)
{
    int32_t *map = NEW_ARRAY(int32_t, r->item_ids.count + 1);
    int64_t unknown = 0, *row = match(&x->item_ids, &r->item_ids);
    for (int64_t i = 0; i < r->item_ids.count; i++) map[i] = RANKER_UNKNOWN;
    for (int64_t i = 0; i < x->items; i++)
        if (row[i] >= 0) map[row[i]] = (int32_t)i;
    for (int64_t i = 0; i < r->item_ids.count; i++) unknown += map[i] == RANKER_UNKNOWN;
    if (unknown) warn("%s: %lld of %lld items are not in the interactions; they keep their places and are never right", r->name,
                      (long long)unknown, (long long)r->item_ids.count);
    free(row);
    return map;
}

/* The list of who asks, a row of recs; -1: none. */
static int64_t row_of(const lists_t *l, const ranker_query_t *q, int64_t i)
{
    return recs_row(&l->recs, l->user[q->users[i]], q->histories[i].count);
}

/* Reads a list into `places`, as x's items; returns its length, and counts what counts for nothing. A repeated item that the
 * history at hand holds is left as it is, since lists without met items leave out all of them. */
static int64_t take_list(lists_t *l, int64_t row, lists_report_t *report)
{
    const int64_t n = row < 0 ? 0 : recs_list(&l->recs, row, l->places);
    l->round++;
    for (int64_t i = 0; i < n; i++) {
        int32_t *place = &l->places[i];
        *place = l->item[*place];
        if (*place == RANKER_UNKNOWN) {
            report->unknown++;
        } else if (l->last[*place] == l->round) {
            report->duplicates++;
            if (!met_holds(&l->met, *place)) *place = RANKER_UNKNOWN;
        } else {
            l->last[*place] = l->round;
        }
    }
    return n;
}

static void topk(ranker_t *r, const ranker_query_t *q, int64_t k, int32_t *items, float *scores)
{
    lists_t *l = (lists_t *)r;
    lists_report_t report = {0};
    for (int64_t u = 0; u < q->n; u++) {
        met_take(&l->met, &q->histories[u]);
        const int64_t n = take_list(l, row_of(l, q, u), &report);
        for (int64_t i = 0; i < k; i++) {
            items[u * k + i] = i < n ? l->places[i] : RANKER_NONE;
            scores[u * k + i] = 0;
        }
    }
    recs_release(&l->recs);
}

static void close_ranker(ranker_t *r)
{
    lists_t *l = (lists_t *)r;
    recs_free(&l->recs);
    free(l->item);
    free(l->user);
    free(l->places);
    free(l->last);
    met_free(&l->met);
    free(l);
}

ranker_t *lists_ranker(recs_t recs, const interactions_t *x)
{
    lists_t *l = NEW(lists_t);
    *l = (lists_t){.ranker = {"recs", topk, close_ranker, recs.k}, .recs = recs, .x = x, .item = item_map(&recs, x),
                   .user = match(&x->user_ids, &recs.user_ids), .places = NEW_ARRAY(int32_t, recs.k),
                   .last = NEW_ARRAY(int64_t, x->items + 1), .met = met_new(x->items)};
    strtab_free(&l->recs.user_ids); /* matched; what names items is still asked for their number */
    return &l->ranker;
}

static void need_lists(const lists_t *l, const ranker_query_t *q, const lists_report_t *r)
{
    int64_t first = 0;
    while (row_of(l, q, first) >= 0) first++;
    size_t n;
    const char *id = strtab_get(&l->x->user_ids, q->users[first], &n);
    die(EX_DATAERR, "%s: no list for %lld of the %lld users, the first '%.*s'", l->recs.name, (long long)r->missing, (long long)r->users,
        (int)n, id);
}

static void say(const lists_report_t *r, const recs_t *recs, int64_t k)
{
    if (r->duplicates)
        warn("%s: %lld places repeat an item of their list; they stay and are never right", recs->name, (long long)r->duplicates);
    if (r->missing) warn("%s: no list for %lld of the %lld users: counted as empty", recs->name, (long long)r->missing, (long long)r->users);
    if (r->shorter)
        note("%s: %lld of %lld lists have fewer than %lld places", recs->name, (long long)r->shorter,
             (long long)(recs->lists - r->unused), (long long)k);
    if (r->unused) note("%s: %lld lists are not asked for", recs->name, (long long)r->unused);
}

/* Counts who asks and their lists, each once: a user may ask for several cases, and have one list for all of them. */
static lists_report_t count_lists(lists_t *l, const ranker_query_t *q, int64_t k)
{
    enum { CHUNK = 1 << 13 /* lists after which memory is given back */ };
    lists_report_t r = {.unused = l->recs.lists};
    for (int64_t i = 0, user = -1, without = -1, last = -1; i < q->n; i++) {
        const int64_t row = row_of(l, q, i);
        r.users += q->users[i] != user;
        user = q->users[i];
        if (row < 0) {
            r.missing += without != user;
            without = user;
        } else if (row != last) {
            r.shorter += take_list(l, row, &r) < k;
            r.unused--;
            last = row;
        }
        if (i % CHUNK == 0) recs_release(&l->recs);
    }
    return r;
}

lists_report_t lists_look(ranker_t *lists, const ranker_query_t *q, int64_t k, bool missing_are_empty)
{
    lists_t *l = (lists_t *)lists;
    const lists_report_t r = count_lists(l, q, k);
    if (r.missing && !missing_are_empty) need_lists(l, q, &r);
    say(&r, &l->recs, k);
    return r;
}

void lists_json(buf_t *out, const lists_report_t *r)
{
    buf_printf(out, "\"lists\": {\"users\": %lld, \"duplicates\": %lld, \"unknown\": %lld, \"short\": %lld, \"missing\": %lld, \"unused\": %lld}",
               (long long)r->users, (long long)r->duplicates, (long long)r->unknown, (long long)r->shorter, (long long)r->missing,
               (long long)r->unused);
}
