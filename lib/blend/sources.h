/* What speaks for an item apart from the generator: sparse distributions over the items, given a history. */
#ifndef SIDMILL_BLEND_SOURCES_H
#define SIDMILL_BLEND_SOURCES_H

#include <stdbool.h>
#include <stdint.h>

#include "blend/accumulator.h"
#include "blend/part.h"
#include "blend/cooccurrence.h"
#include "data/interactions.h"
#include "data/protocol.h"
#include "matrix/sparse.h"
#include "select/item_set.h"

/* Item-item weights that a step goes by. */
typedef enum { TABLE_COOCCUR, TABLE_NEIGHBOURS, TABLES } table_t;

typedef struct {
    csr_t tables[TABLES];  /* [items, items], weights >= 0; of no rows where there is none */
    cooccur_options_t cooccur; /* by which co-occurrence was counted; window 0: not known */
    double decay[TABLES];  /* how much less each event of a history counts than the one after it */
    int64_t hops;          /* the best items of a first step that a second step goes on from */
    protocol_t protocol;   /* under PROTOCOL_UNSEEN distributions are over the items that the history does not hold */
    int64_t items;
    int64_t *popularity;   /* [items] training events */
    double events;         /* their sum + 1 an item */
    double *total[TABLES]; /* [items] sums of the rows */
    int32_t *popular;      /* [items] the most popular first */
} sources_t;

/* Works out from the members up to `popularity` what follows them. They now belong to it. */
void sources_prepare(sources_t *e);
void sources_free(sources_t *e);

/* Whether there is what a part is made of; the generator is none of these. */
bool sources_has(const sources_t *e, part_t part);

/* How much training knows of a history: the sum over its items of decay^age times their training events, by co-occurrence's
 * decay. How far each part is to be trusted hangs on that. */
double sources_familiarity(const sources_t *e, const history_t *h);

/* What the evidence says about one history. Each worker has one. */
typedef struct {
    accumulator_t sum[PARTS]; /* of the parts asked for but the popular one; that of repeats always: its list is the met items */
    double mass[PARTS];       /* what makes the sums a distribution; 0: it says nothing */
    ranking_item_t *first;    /* [hops] */
} sources_answer_t;

sources_answer_t sources_answer_new(const sources_t *e);
void sources_answer_free(sources_answer_t *a);

/* Asks the parts with wanted[part] set (an absent part is passed over):
 *
 *     p(i) proportional to sum_j decay^age(j) T[j, i]                         for one step by table T
 *     p(i) proportional to sum_k s(k) T'[k, i] / sum_i T'[k, i]               for a second one, s(k) being the best of the first
 *     p(i) proportional to sum_j decay^age(j) 1[j = i]                        for repeats, with co-occurrence's decay
 *     p(i) = (events(i) + 1) / (all events + items)                          for popularity, over unmet items under PROTOCOL_UNSEEN
 *
 * over the history's items j. What the training history `own`, NULL for none, has itself put into co-occurrence does not count, for which
 * the table's options must be known; popularity and the tables' normalisation still hold it. An earlier answer in `a` is gone. */
void sources_ask(const sources_t *e, const history_t *h, const history_t *own, const bool wanted[PARTS], sources_answer_t *a);

/* p(item) by a part that was asked. Met items get what they would have beside the others, though under PROTOCOL_UNSEEN the
 * distribution is without them: lists may hold them, and leave them out. */
double sources_probability(const sources_t *e, const sources_answer_t *a, part_t part, int32_t item);

/* The m best items of a part that was asked, of a set unless it is NULL, best first, ties by item: best has room for m. Returns their
 * number. */
int64_t sources_best(const sources_t *e, const sources_answer_t *a, part_t part, const item_set_t *within, int64_t m,
                     ranking_item_t *best);

#endif
