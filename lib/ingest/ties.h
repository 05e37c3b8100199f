/* The order of what a user met at the same time. Sources put it down in an order of their own, often that of ids, and whoever reads
 * a history learns that order with it. */
#ifndef SIDMILL_INGEST_TIES_H
#define SIDMILL_INGEST_TIES_H

#include <stdint.h>

#include "data/strtab.h"

/* As the source has it; at random; by ascending id. */
typedef enum { TIES_FILE, TIES_SHUFFLE, TIES_ID } ties_order_t;

extern const char *const ties_names[]; /* by ties_order_t; ended by NULL */

typedef struct {
    ties_order_t order;
    uint64_t seed;
} ties_t;

/* How often an event's item has the higher id of the two, of events next to each other in a history as the source has it; and
 * the same of those alone that have one time. Where order means nothing that is one half. */
typedef struct {
    int64_t neighbours, ascending, tied, tied_ascending;
} ties_count_t;

/* Orders two of the ids, by their numbers where both are digits alone, else by their bytes. */
int ties_compare_ids(const strtab_t *ids, int32_t a, int32_t b);

void ties_add(ties_count_t *sum, const ties_count_t *more);

#endif
