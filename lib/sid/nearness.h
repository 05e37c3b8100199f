/* How near items lie to those that follow them: what evidence about items is weighed by (sid/weighing.h). */
#ifndef SIDMILL_SID_NEARNESS_H
#define SIDMILL_SID_NEARNESS_H

#include "sid/follow.h"

/* Scores users [begin, end): the mean over a user's pairs of -ln(place), place being that of the pair's second item among the
 * others, by the product of their rows with the first item's; the pair's own items do not count among the others. Where some have
 * the same product, the mean of the logarithms that any order of them would give: what breaks ties at random gains nothing. Rows
 * x [f->items, width] of length 1, or zero. score [end - begin]. In parallel. */
void nearness_scores(const follow_t *f, int64_t begin, int64_t end, int64_t width, const float *x, double *score);

#endif
