/* How the parts of a mixture come together in an item's score. For an item of popularity group g, after a history of bin b:
 *
 *     score = r_0 log sum_s w_bs a_gs p_s  +  sum_s r_s log(p_s + floor)
 *
 * With r = (1, 0, 0 ...) it ranks as the mixture does; with others it is a logarithmic pool of the mixture and its parts (Genest and
 * Zidek 1986, "Combining probability distributions"), which asks that the parts agree. Parts that learn from events alone know
 * nothing of an item that training never met: in the second sum such a part counts what it gives others on average, and a
 * favour is added. An even mixture takes even * log(1 + training events) off, which raises rare items among others (logit adjustment,
 * Menon et al. 2021, arXiv 2007.07314). */
#ifndef SIDMILL_BLEND_MIXING_H
#define SIDMILL_BLEND_MIXING_H

#include <math.h>
#include <stdbool.h>

#include "blend/part.h"

enum { MIXING_GROUPS = 64 };

#define MIXING_FLOOR 1e-5 /* what a part that gives an item nothing counts as */

/* By bins of histories, groups of items, and parts by their place. */
typedef struct {
    double *weight;          /* w [bins, parts], each row adding up to 1 */
    double *factor;          /* a [groups, parts] */
    double power[1 + PARTS]; /* r [1 + parts] */
    double even;             /* taken off for every power of e of an item's training events, one added */
    double quiet[1 + PARTS]; /* of items that training never met: [1 + parts] a favour, and what stands for log(p + floor); 0: p */
} mixing_t;

mixing_t mixing_new(int bins, int groups, int parts); /* weights 0, factors 1, powers 1, 0, 0 ..., no favour */
void mixing_free(mixing_t *x);

/* One part by itself. */
mixing_t mixing_alone(int bins, int groups, int parts, int place);

/* Whether a part counts in a bin, by its weight there or by its power. */
static inline bool mixing_wants(const mixing_t *x, int parts, int bin, int place)
{
    return x->weight[bin * parts + place] > 0 || fabs(x->power[1 + place]) > 0;
}

/* What a part adds to the second sum, of an item that training has met or not. */
static inline double mixing_vote(const mixing_t *x, int place, double p, bool met)
{
    if (!(fabs(x->power[1 + place]) > 0)) return 0;
    return x->power[1 + place] * (met || x->quiet[1 + place] >= 0 ? log(p + MIXING_FLOOR) : x->quiet[1 + place]);
}

/* The score of both sums; -INFINITY where the mixture gives nothing. */
static inline double mixing_score(const mixing_t *x, double sum, double votes)
{
    return sum > 0 ? x->power[0] * log(sum) + votes : -INFINITY;
}

#endif
