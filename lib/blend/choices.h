/* Lists of which one item came, and how a mixture's parts are best brought together to find it: conditional logit (McFadden
 * 1974), the likelihood of the item among those of its list. All that comes is likelier by weights that trust what knows a little
 * of everything; the first places of lists are won by those found here. */
#ifndef SIDMILL_BLEND_CHOICES_H
#define SIDMILL_BLEND_CHOICES_H

#include <stdint.h>

#include "blend/mixing.h"

enum { POOL_ROUNDS = 50 };

/* n lists: items offsets[i] .. offsets[i + 1), each with what every part gives it and its popularity group. */
typedef struct {
    int64_t n;
    int parts, bins, groups;
    const int64_t *offsets; /* [n + 1] */
    const uint8_t *bin;     /* [n] of the histories */
    const int64_t *came;    /* [n] the item that came, as a place among all lists' items */
    const uint8_t *group;   /* [offsets[n]] */
    const double *p;        /* [offsets[n], parts] */
} choices_t;

/* Multiplies x's weights by a factor a part, the same in all bins, and sets its factors by groups, both from 1, such that
 *
 *     sum over lists of log (sum_s a_gs w_s p_s(came) / sum_j sum_s a_gs w_s p_s(j))
 *
 * is as large as can be, less `strength` sum (a_gs - 1 - log a_gs) for the factors by groups: so many cases speak for 1. By
 * a <- a (came + strength) / (listed + strength a), where came and listed are the shares of the sums that a has to do with, until
 * no factor moves by more than MIXTURE_STILL of itself or MIXTURE_ROUNDS are done. x's powers count for nothing. */
void choices_tilt(const choices_t *c, double strength, mixing_t *x);

/* Sets x's powers to what makes the items likeliest that came, p(came) = exp score(came) / sum_j exp score(j), less half of
 * `strength` times the squares of their distances from 1, 0, 0 ...: Newton's method by steps that raise it, which ends where no
 * power moves by more than MIXTURE_STILL, or POOL_ROUNDS are done. Where nothing came, they stay. */
void choices_pool(const choices_t *c, double strength, mixing_t *x);

/* The place of list i's item among its items by x's score, from 0; ties are lost. */
int64_t choices_place(const choices_t *c, const mixing_t *x, int64_t i);

#endif
