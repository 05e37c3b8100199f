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
    int64_t *row;      /* [x.users] of recs; -1: no list */
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

/* The list for a user's history; -1: there is none. A file with one list a user has the same for all histories. */
static int64_t list_for(const lists_t *l, int64_t user, const history_t *h)
{
    const int64_t row = l->row[user], *first = l->recs.case_offsets;
    if (row < 0 || !first) return row;
    for (int64_t i = first[row]; i < first[row + 1]; i++)
        if (l->recs.place[i] == h->count) return i;
    return -1;
}

/* Reads a user's list into `places`, as x's items; returns its length, and counts what counts for nothing. A repeated item that the
 * history at hand holds is left as it is, since lists without met items leave out all of them. */
static int64_t take_list(lists_t *l, int64_t list, lists_report_t *report)
{
    const int64_t n = list < 0 ? 0 : recs_list(&l->recs, list, l->places);
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
        const int64_t n = take_list(l, list_for(l, q->users[u], &q->histories[u]), &report);
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
    free(l->row);
    free(l->places);
    free(l->last);
    met_free(&l->met);
    free(l);
}

ranker_t *lists_ranker(recs_t recs, const interactions_t *x)
{
    lists_t *l = NEW(lists_t);
    *l = (lists_t){.ranker = {"recs", topk, close_ranker, recs.k}, .recs = recs, .x = x, .item = item_map(&recs, x),
                   .row = match(&x->user_ids, &recs.user_ids), .places = NEW_ARRAY(int32_t, recs.k),
                   .last = NEW_ARRAY(int64_t, x->items + 1), .met = met_new(x->items)};
    strtab_free(&l->recs.user_ids); /* matched; what names items is still asked for their number */
    return &l->ranker;
}

static void need_lists(const lists_t *l, const ranker_query_t *q, int64_t missing)
{
    int64_t first = 0;
    while (list_for(l, q->users[first], &q->histories[first]) >= 0) first++;
    size_t n;
    const char *id = strtab_get(&l->x->user_ids, q->users[first], &n);
    die(EX_DATAERR, "%s: no list for %lld of the %lld users, the first '%.*s'", l->recs.name, (long long)missing, (long long)q->n, (int)n, id);
}

static void say(const lists_report_t *r, const char *name, int64_t k)
{
    if (r->duplicates)
        warn("%s: %lld places repeat an item of their list; they stay and are never right", name, (long long)r->duplicates);
    if (r->missing) warn("%s: no list for %lld of the %lld users: counted as empty", name, (long long)r->missing, (long long)r->users);
    if (r->shorter)
        note("%s: %lld of %lld lists have fewer than %lld places", name, (long long)r->shorter, (long long)(r->users - r->missing),
             (long long)k);
    if (r->unused) note("%s: %lld lists are of users who are not asked about", name, (long long)r->unused);
}

lists_report_t lists_look(ranker_t *lists, const ranker_query_t *q, int64_t k, bool missing_are_empty)
{
    enum { CHUNK = 1 << 13 /* lists after which memory is given back */ };
    lists_t *l = (lists_t *)lists;
    lists_report_t r = {.users = q->n};
    int64_t used = 0, last = -1;
    for (int64_t u = 0; u < q->n; u++) {
        const int64_t list = list_for(l, q->users[u], &q->histories[u]);
        used += list >= 0 && list != last; /* one list may do for several cases on end */
        last = list;
        if (list < 0) r.missing++;
        else r.shorter += take_list(l, list, &r) < k;
        if (u % CHUNK == 0) recs_release(&l->recs);
    }
    if (r.missing && !missing_are_empty) need_lists(l, q, r.missing);
    r.unused = l->recs.lists - used;
    say(&r, l->recs.name, k);
    return r;
}

void lists_json(buf_t *out, const lists_report_t *r)
{
    buf_printf(out, "\"lists\": {\"users\": %lld, \"duplicates\": %lld, \"unknown\": %lld, \"short\": %lld, \"missing\": %lld, \"unused\": %lld}",
               (long long)r->users, (long long)r->duplicates, (long long)r->unknown, (long long)r->shorter, (long long)r->missing,
               (long long)r->unused);
}
