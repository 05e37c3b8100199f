/* How near items lie to those that follow them: what evidence about items is weighed by (sid/weighing.h). */
#ifndef SIDMILL_SID_NEARNESS_H
#define SIDMILL_SID_NEARNESS_H

#include "sid/follow.h"

/* Scores users [begin, end): the mean over a user's pairs of -ln(1 + n), n the number of `others` whose row has a greater product
 * with that of the pair's first item than the second item's row has; those with the same count half, the pair's own items not at
 * all. Rows x [f->items, width] of length 1, or zero. score [end - begin]. In parallel. */
void nearness_scores(const follow_t *f, int64_t begin, int64_t end, int64_t width, const float *x, double *score);

#endif
