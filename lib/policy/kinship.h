/* How much two items occur together in the training histories. */
#ifndef SIDMILL_POLICY_KINSHIP_H
#define SIDMILL_POLICY_KINSHIP_H

#include <stdint.h>

#include "data/interactions.h"

typedef struct kinship kinship_t;

kinship_t *kinship_new(const interactions_t *x);
void kinship_free(kinship_t *k);

/* The cosine of two items' sets of training histories, |A and B| / sqrt(|A| |B|): 1 of items that always come together, 0 of those
 * that never do. */
double kinship_of(const kinship_t *k, int32_t a, int32_t b);

#endif
