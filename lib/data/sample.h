/* Which cases stand for a split when not all users are asked: one choice, shared by validation, fitting and evaluation. */
#ifndef SIDMILL_DATA_SAMPLE_H
#define SIDMILL_DATA_SAMPLE_H

#include <stdint.h>

#include "data/interactions.h"

/* The rows of the users that have a case in `split`, ascending; *count receives their number. With 0 < n < *count, n of them
 * drawn without replacement: the first n of a shuffle keyed by `seed` (stream "sample-users"), so that splits with cases of the
 * same users name the same of them, and a smaller sample is part of a larger one. Caller frees. */
int64_t *sample_users(const interactions_t *x, split_t split, int64_t n, uint64_t seed, int64_t *count);

/* All cases of these users, by user and place; *count receives their number. Caller frees. */
case_t *sample_cases(const interactions_t *x, split_t split, int64_t n, uint64_t seed, int64_t *count);

#endif
