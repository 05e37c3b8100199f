/* Cold items: items that nobody met in training, to be recommended all the same. Some of the test's items are made so: all else
 * that speaks of them is taken out of the histories. */
#ifndef SIDMILL_INGEST_INGEST_COLD_H
#define SIDMILL_INGEST_INGEST_COLD_H

#include <stdbool.h>
#include <stdint.h>

#include "ingest/ingest_result.h"

/* Draws a share in (0, 1) of the items that are to be predicted in the test, at least one: [x->items], true for those drawn.
 * Caller frees. */
bool *ingest_cold_draw(const ingest_result_t *x, double share, uint64_t seed);

/* x, which has phases, without what it says of cold items: with `tests`, they stand behind all others, and the test's events with
 * them stay; without, they are gone. Users, and the order of all else, are x's. */
ingest_result_t ingest_without(const ingest_result_t *x, const bool *cold, bool tests);

#endif
