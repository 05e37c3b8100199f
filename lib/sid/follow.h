/* Which items follow one another in training histories: a sample of pairs to measure evidence by, users apart. */
#ifndef SIDMILL_SID_FOLLOW_H
#define SIDMILL_SID_FOLLOW_H

#include <stdint.h>

#include "data/interactions.h"

/* Items are numbered by their place in `item`. */
typedef struct {
    int64_t items;
    int64_t *item;          /* [items] rows of the catalogue, ascending */
    int64_t users, fitting; /* users [0, fitting) are to fit on, [fitting, users) to judge by */
    int64_t *user_offsets;  /* [users + 1] into the pairs */
    int32_t *from, *to;     /* [pairs] an item, and the other one that came next */
    int64_t others;
    int32_t *other;         /* [others] items of any events, as often as they are met */
} follow_t;

/* Draws up to 4,096 pairs to fit on and as many to judge by, at most 8 a user, and 512 others. Fewer than 4 users whose training
 * history has a pair end the process with EX_DATAERR, naming the file `name`. */
follow_t follow_sample(const interactions_t *x, const char *name, uint64_t seed);
void follow_free(follow_t *f);

#endif
