/* What lists show of a catalogue: how much of it, how evenly, how little known, how different within a list. Lists are taken in turn
 * and not kept: memory goes with the catalogue, not with the users. Equations: sidmill-methods(7), section 8.2. */
#ifndef SIDMILL_SCORE_VARIETY_H
#define SIDMILL_SCORE_VARIETY_H

#include <stdint.h>

#include "score/diversity.h"

enum { VARIETY_PLACES = 10 }; /* of a list that count */

typedef struct {
    int64_t k, items;             /* length of the lists; items of the catalogue */
    const diversity_t *diversity; /* borrowed */
    int32_t *best;                /* [items] the best place that an item had in a list; 0: none */
    int64_t *shown;               /* [items] how often it stood in the first VARIETY_PLACES */
    double apart[DIVERSITIES];    /* sums over lists */
    int64_t lists[DIVERSITIES];   /* that have a diversity */
} variety_t;

variety_t variety_new(int64_t k, int64_t items, const diversity_t *diversity);
void variety_free(variety_t *v);

/* Takes n lists, each the first k of `places` places; what is no item of the catalogue is passed over. Parallel over lists; equal
 * values however the lists are cut into calls. */
void variety_take(variety_t *v, int64_t n, int64_t places, const int32_t *lists);

/* Share of the catalogue's items that some list's first `cut` places hold. NaN where cut > k, or without items. */
double variety_coverage(const variety_t *v, int64_t cut);

/* The rest look at the first VARIETY_PLACES, and are NaN where k is less, or nothing was shown. */

/* Gini coefficient of how often each item is shown, 0 where all are shown alike, towards 1 where few are: with x in ascending order
 * sum_i (2 i - N - 1) x_i / (N sum_i x_i), i from 1 to N, over all items of the catalogue. */
double variety_gini(const variety_t *v);

/* Mean of -log2(events of the item / events of all) over what was shown, in bits (self-information; Zhou et al. 2010, "Solving the
 * apparent diversity-accuracy dilemma of recommender systems"). Items without events count as if they had one. */
double variety_novelty(const variety_t *v, const int64_t *popularity);

/* Mean over the lists of diversity_of(). NaN as well where there is nothing to tell it by. */
double variety_diversity(const variety_t *v, diversity_kind kind);

#endif
