/* Parameters that learn: a gradient a shard, what AdamW keeps of them, the best values so far and their moving average; each
 * exists only for what trains. Knows no network: whoever has one syncs it after the values changed. */
#ifndef SIDMILL_TRAIN_LEARNER_H
#define SIDMILL_TRAIN_LEARNER_H

#include <stdbool.h>
#include <stdint.h>

#include "nn/grads.h"
#include "nn/params.h"
#include "train/checkpoint.h"

typedef struct {
    double lr, beta2, weight_decay; /* AdamW's; its beta1 is 0.9, its epsilon 1e-8 */
    double clip;                    /* largest norm of the gradient; 0: any */
    double average;                 /* decay of the moving average of the values; 0: none */
} update_options_t;

/* What is kept of a row-sparse block, [rows, cols] but for the last two; of one that is split over ranks, of the rows held here
 * (params_held()), which are those that move here. */
typedef struct {
    float *m, *v, *best, *average;
    int32_t *steps;      /* [rows] updates that a row has had: its own count for AdamW */
    double *averaged_at; /* [rows] learner_t.decayed when the row's average was last right */
} learner_table_t;

typedef struct {
    params_t *params;              /* borrowed */
    float *m, *v, *best, *average; /* of the dense blocks, [params->size]: moments, kept values (NULL: none), average (NULL) */
    learner_table_t *tables;       /* [params->count], in use where a block is sparse */
    double decayed;                /* sum of the logarithms of all the average's decays so far */
    grads_t **grads;               /* [shards] */
    int64_t shards, updates;       /* updates so far */
} learner_t;

/* `best`: learner_keep() will be called; `average`: update_options_t.average will not be 0, and begins with the values as
 * they are. */
learner_t learner_new(params_t *params, int64_t shards, bool best, bool average);
void learner_free(learner_t *l);

/* Sums the gradients of the first `shards` shards (grads_reduce()), multiplies by `scale`, clips, and moves values and average.
 * Dense blocks move with every update. A row of a sparse block moves, and decays, only in updates that touched it, by AdamW with
 * the row's own count of steps: what was not touched costs nothing, and momentum does not carry a row on. Returns the gradient's
 * norm before clipping; one that is not finite moves nothing. */
double learner_update(learner_t *l, const update_options_t *o, int64_t shards, double scale);

/* The average's values take the parameters' place, and once more back; without an average nothing happens. */
void learner_swap_average(learner_t *l);

void learner_keep(learner_t *l);    /* the values are the best */
void learner_restore(learner_t *l); /* the best are the values */

/* Adds all of it to a checkpoint, under `prefix` or, of tables, the blocks' names. */
void learner_fields(learner_t *l, const char *prefix, checkpoint_t *c);

#endif
