/* Weights of evidence, fitted to a catalogue: items that follow one another in training histories should lie near each other, and
 * what does not help that weighs nothing. Ours; sidmill-methods(7), 1.10. */
#ifndef SIDMILL_SID_WEIGHING_H
#define SIDMILL_SID_WEIGHING_H

#include "sid/joined.h"
#include "sid/follow.h"

/* Where the item that follows stands among others, itself one of them: the geometric mean over the users to judge by, with the weights
 * that were given and with the fitted ones. */
typedef struct {
    double given, fitted;
    int64_t among;
} weighing_t;

/* Replaces weight [count] by fitted weights: of `texts` text fields, then, where count is greater, of the image. Begins with the one
 * field that alone does best (nearness_scores()). Then, step by step, the one change to a weight, on a grid of powers of two and
 * nothing, that does most for the users to fit on is made: with the least weight that does so within a standard error, and provided
 * that it does the other users good beyond three times its standard error. Ends when no change passes. Every step is logged, `name` [count]
 * naming the weights. */
weighing_t weigh(const follow_t *f, const joined_t *e, int texts, int count, const char *const *name, double *weight);

#endif
