/* Which users stand for a split when not all of them are asked: one choice, shared by validation and evaluation. */
#ifndef SIDMILL_DATA_SAMPLE_H
#define SIDMILL_DATA_SAMPLE_H

#include <stdint.h>

#include "data/interactions.h"

/* The rows of the users that have a history in `split` (3 events or more), ascending; *count receives their number. With
 * 0 < n < *count, n of them drawn without replacement: the first n of a shuffle keyed by `seed` (stream "sample-users"), so
 * the valid and the test split of one seed name the same users, and a smaller sample is part of a larger one. Caller frees. */
int64_t *sample_users(const interactions_t *x, split_t split, int64_t n, uint64_t seed, int64_t *count);

#endif
