/* What a request for recommendations asks, read from its JSON. */
#ifndef SIDMILL_SERVE_ORDER_H
#define SIDMILL_SERVE_ORDER_H

#include "base/buf.h"
#include "serve/answer.h"
#include "serve/edition.h"

/* The most that is taken. */
typedef struct {
    int64_t histories, items, k; /* items: of a history */
} order_limits_t;

/* Histories [n] over one block of items, with what is asked of each list; `within` is NULL where everything is allowed. */
typedef struct {
    edition_t *edition; /* held */
    int64_t n;
    bool many;          /* asked as "histories" */
    history_t *histories;
    int64_t *unknown;   /* [n] ids that the catalogue lacks */
    int64_t k;
    bool exclude_seen, unfold;
    const item_set_t *within;
    item_set_t *own;    /* where the set is this order's own */
    int32_t *block;
} order_t;

/* Reads an order of an edition, which it holds from then on: members history or histories, k (10), exclude, exclude_seen, filter and
 * unfold, as serve(1) has them. False, with what is wrong in `why`, for anything else; there is nothing to free then. */
bool order_read(order_t *o, edition_t *e, const char *text, size_t length, const order_limits_t *most, buf_t *why);
void order_free(order_t *o);

/* Appends the answer as JSON; items and scores [n, k] as engine_ask() gives them, the unfolding of an order that asks for it. */
void order_write(const order_t *o, const int32_t *items, const float *scores, const unfolding_t *unfolding, buf_t *out);

#endif
