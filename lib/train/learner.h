/* A model that learns: its weights with what the optimiser keeps of them, one gradient buffer a shard, the best weights so far.
 * What supervised training and policy training share. */
#ifndef SIDMILL_TRAIN_LEARNER_H
#define SIDMILL_TRAIN_LEARNER_H

#include <stdbool.h>
#include <stdint.h>

#include "nn/backend.h"
#include "nn/model.h"
#include "nn/transformer.h"
#include "train/checkpoint.h"

typedef struct {
    double lr, beta2, weight_decay; /* AdamW's; its beta1 is 0.9, its epsilon 1e-8 */
    double clip;                    /* largest norm of the gradient; 0: any */
    double average;                 /* decay of the moving average of the weights; 0: none */
} update_options_t;

typedef struct {
    model_t *model;                /* borrowed */
    network_t *net;
    float *m, *v, *best, *average; /* moments, kept weights, moving average (NULL: none) */
    float **grads;                 /* [shards] flat arrays of the model's layout */
    int64_t shards;
} learner_t;

learner_t learner_new(model_t *model, const backend_t *b, int64_t positions, int64_t shards, bool average);
void learner_free(learner_t *l);

/* Sums the gradients of the first `shards` shards in a fixed tree, multiplies by `scale`, clips, and moves weights and average.
 * `update` counts from 1. Returns the gradient's norm before clipping; one that is not finite moves nothing. */
double learner_update(learner_t *l, const update_options_t *o, int64_t update, int64_t shards, double scale);

/* The average's weights take the model's place, and once more back; without an average nothing happens. */
void learner_swap_average(learner_t *l);

void learner_keep(learner_t *l);    /* the model's weights are the best */
void learner_restore(learner_t *l); /* the best are the model's weights */

/* A trainer's checkpoint: the learner, and the trainer's own numbers. */
typedef struct {
    const char *folder, *fingerprint; /* folder NULL: there is none, and nothing is done */
    double *numbers;                  /* [count] */
    int count;
    int log_bytes, log_digest;        /* which of them hold the mark of the run's log */
    const int *whole;                 /* [whole_count] those that are whole, from 0 below 2^53 */
    int whole_count;
} learner_checkpoint_t;

/* Saves both, with the mark of the log as it is now. */
void learner_save(const learner_t *l, const learner_checkpoint_t *c);

/* Fills both, ready to go on; false, touching nothing, if there is no checkpoint. One that does not fit, or whose numbers
 * cannot be ours, ends the process with EX_DATAERR. */
bool learner_load(learner_t *l, const learner_checkpoint_t *c);

/* Ends the process with EX_DATAERR; for numbers that only the trainer can judge. */
_Noreturn void learner_damaged(const learner_checkpoint_t *c);

#endif
