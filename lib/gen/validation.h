/* Validation during training: HR and NDCG of the penultimate items of a fixed sample of users, by constrained beam search. */
#ifndef SIDMILL_GEN_VALIDATION_H
#define SIDMILL_GEN_VALIDATION_H

#include <stdint.h>

#include "data/interactions.h"
#include "gen/space.h"
#include "nn/transformer.h"

typedef struct validation validation_t;

/* `users` >= 1 of the interactions' users, drawn by `seed` as `evaluate --split valid --users` does. Borrows the rest. */
validation_t *validation_new(const network_t *net, const space_t *space, const interactions_t *x, int64_t users, uint64_t seed);
void validation_free(validation_t *v);

typedef struct {
    double hr10, ndcg10;
} validation_score_t;

/* Of the network as it is now. */
validation_score_t validation_run(validation_t *v, int beam);

#endif
