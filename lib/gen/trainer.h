/* Supervised training of the generator over Semantic IDs: packed histories, one loss over all targets, AdamW, validation by
 * constrained beam search, early stopping, and exact resume. */
#ifndef SIDMILL_GEN_TRAINER_H
#define SIDMILL_GEN_TRAINER_H

#include <stdbool.h>
#include <stdint.h>

#include "gen/alignment.h"
#include "gen/train_job.h"
#include "nn/model.h"

/* How the kept weights did. */
typedef struct {
    int64_t epoch, epochs_run;
    bool validated;
    double hr10, ndcg10;      /* on the validation sample; 0 where there was none */
    double loss;              /* training negative log-likelihood an item in the epoch kept */
    double tokens_per_second; /* over this process's training, validation not counted */
    alignment_t *alignment;   /* of its thoughts; NULL: there is none. The caller's */
} train_result_t;

/* Trains (or goes on from the checkpoint) and returns the best model by validation NDCG@10; *result is filled. A batch whose
 * gradient is not finite ends the process with EX_SOFTWARE. */
model_t *train(const train_job_t *job, train_result_t *result);

#endif
