/* Validation during training: HR and NDCG of the penultimate items of a fixed sample of users, by constrained beam search. */
#ifndef SIDMILL_GEN_VALIDATION_H
#define SIDMILL_GEN_VALIDATION_H

#include <stdint.h>

#include "data/protocol.h"
#include "gen/space.h"
#include "train/loan.h"
#include "nn/transformer.h"

typedef struct validation validation_t;

/* `users` >= 1 of the interactions' users, drawn by `seed` as `evaluate --split valid --users` does; what stands in a user's
 * history counts or is left out, as the protocol has it. Borrows the rest. */
validation_t *validation_new(const network_t *net, const space_t *space, const interactions_t *x, int64_t users, uint64_t seed,
                             protocol_t protocol);
void validation_free(validation_t *v);

/* The model's tables are split (NULL: they are not): decoder_lend(). Borrowed. */
void validation_lend(validation_t *v, loan_t *loan);

/* Says on stderr what is validated; v may be NULL. */
void validation_note(const validation_t *v);

typedef struct {
    double hr10, ndcg10;         /* under the protocol */
    double all_hr10, all_ndcg10; /* of the same lists when all items count */
} validation_score_t;

/* Of the network as it is now. Where met items are left out, beams are widened so that ten others remain. */
validation_score_t validation_run(validation_t *v, int beam);

/* A score as members of a JSON object: "protocol", "hr@10", "ndcg@10", and where met items are left out, "all" with both of all
 * items; v NULL: the metrics are null. Caller frees. */
char *validation_json(const validation_t *v, const validation_score_t *s);

#endif
