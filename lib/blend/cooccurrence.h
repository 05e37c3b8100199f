/* What follows what in the training histories: item-item weights, as sparse rows. */
#ifndef SIDMILL_BLEND_COOCCURRENCE_H
#define SIDMILL_BLEND_COOCCURRENCE_H

#include <stdint.h>

#include "data/interactions.h"
#include "matrix/sparse.h"

/* Where item b follows item a by s <= window events in a training history, the weight of b after a grows by 1 / s, and that of
 * a after b by back / s; the sums are divided by (popularity_a * popularity_b)^power (0: plain counts, 1/2: cosine). */
typedef struct {
    int64_t window; /* >= 1 */
    double back;    /* in [0, 1] */
    double power;   /* in [0, 1] */
    double decay;   /* in (0, 1]: how much less each event counts than the one after it when a history asks */
} cooccur_options_t;

/* Row a lists what follows item a, ascending. Costs window * events steps, and memory for every pair of items that meets. Rows
 * are made in parallel. Freed with csr_free(). */
csr_t cooccurrence_rows(const interactions_t *x, const cooccur_options_t *options);

#endif
