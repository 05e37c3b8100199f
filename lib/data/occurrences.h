/* Where each item occurs in the training histories, all histories laid end to end: what an item is met with is then a walk over its
 * occurrences, so that rows of item-item tables can be made one by one, and no list of pairs is ever held. */
#ifndef SIDMILL_DATA_OCCURRENCES_H
#define SIDMILL_DATA_OCCURRENCES_H

#include <stdint.h>

#include "base/minmax.h"
#include "data/interactions.h"

typedef struct {
    int64_t events;
    int32_t *item;  /* [events] */
    int64_t *begin; /* [events] first event of the same history */
    int64_t *end;   /* [events] one past its last */
    int64_t *first; /* [items + 1] into places */
    int64_t *place; /* [events] grouped by item, ascending */
} occurrences_t;

occurrences_t occurrences_new(const interactions_t *x);
void occurrences_free(occurrences_t *o);

/* How many events of the same history stand before event e, and after it: `window` at most. */
static inline int64_t occurrences_before(const occurrences_t *o, int64_t e, int64_t window) { return min64(e - o->begin[e], window); }
static inline int64_t occurrences_after(const occurrences_t *o, int64_t e, int64_t window) { return min64(o->end[e] - 1 - e, window); }

#endif
