/* Weights of evidence, fitted to a catalogue: items that follow one another in training histories should lie near each other, and
 * what does not help that weighs nothing. Ours; sidmill-methods(7), 1.10. */
#ifndef SIDMILL_SID_WEIGHING_H
#define SIDMILL_SID_WEIGHING_H

#include "sid/follow.h"
#include "sid/joined.h"
#include "text/field_texts.h"
#include "text/lsa_types.h"

/* What is weighed; borrowed. */
typedef struct {
    const follow_t *follow;
    const field_texts_t *texts; /* of all items */
    const lsa_options_t *lsa;   /* of the spaces that are fitted */
    const joined_t *images;     /* of the items that follow has; width 0: no images, and no weight of theirs */
    const char *const *name;    /* of the fields, and of the image */
} weighed_t;

/* Where the item that follows stands among others, itself one of them: the geometric mean over the users to judge by, with the
 * weights that were given and with the fitted ones. */
typedef struct {
    double given, fitted;
    int64_t among;
} weighing_t;

/* Replaces the weights of the fields, and where there are images theirs behind. Begins with the one field that alone does best
 * (nearness_scores()), or with the weights given where they do better by more than a standard error. Then, step by step, the one
 * change to a weight, on a grid of powers of two and nothing, that does most for the users to fit on is made: with the least
 * weight that does so within a standard error, and provided that it does the other users good, if it raises the weight beyond
 * three times its standard error. Changes are found in the space of the weights given; they are judged in a space of their own.
 * Ends when no change passes. Every one that is judged is logged. */
weighing_t weigh(const weighed_t *w, double *weight);

#endif
