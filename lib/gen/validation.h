/* Validation during training: HR and NDCG of the penultimate items of a fixed sample of users, by constrained beam search. */
#ifndef SIDMILL_GEN_VALIDATION_H
#define SIDMILL_GEN_VALIDATION_H

#include <stdint.h>

#include "data/interactions.h"
#include "gen/decoder.h"

typedef struct validation validation_t;

/* `users` of the interactions' users, drawn by `seed` as `evaluate --split valid --users` does. Borrows the rest. NULL where
 * `users` is 0, which the other functions take for no validation. */
validation_t *validation_new(decoder_t *d, const interactions_t *x, int64_t users, uint64_t seed);
void validation_free(validation_t *v);

/* HR@10 and NDCG@10 of the decoder's network as it is now; 0 without validation. */
void validation_run(validation_t *v, int beam, double *hr, double *ndcg);

#endif
