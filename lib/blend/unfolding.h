/* How a list came about: the generator's search, its own list, and what the parts of a mixture give to each item. */
#ifndef SIDMILL_BLEND_UNFOLDING_H
#define SIDMILL_BLEND_UNFOLDING_H

#include <stdint.h>

#include "blend/part.h"
#include "gen/trail.h"

/* An item of a mixture's list: its score is power * log(sum of part) + votes (blend/mixing.h). */
typedef struct {
    int32_t item;
    double part[PARTS]; /* what each adds to the first sum */
    double votes;       /* all else */
} unfolding_item_t;

/* Zero-initialise. Without a generator that was asked there is no trail, without a mixture nothing else. */
typedef struct {
    trail_t trail;
    int32_t *found;       /* [found_count] beside a mixture's list the generator's own, with log-probabilities; NULL: none */
    float *found_score;
    int64_t found_count;
    unfolding_item_t *items; /* [count] in the list's order */
    int64_t count;
    double power;
} unfolding_t;

void unfolding_free(unfolding_t *u); /* leaves an empty one */

/* An item of the mixture's list; NULL: there is none. */
const unfolding_item_t *unfolding_item(const unfolding_t *u, int32_t item);

/* The trails of n unfoldings, each maybe NULL; NULL for NULL. Caller frees the array. */
trail_t **unfolding_trails(int64_t n, unfolding_t *const *unfoldings);

#endif
