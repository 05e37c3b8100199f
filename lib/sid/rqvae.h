/* Training of RQ-VAE (sid/rqvae_loss.h): a warm-up of the auto-encoder alone, codebooks fitted to its latents, then all together.
 * A round of train/loop.h is an epoch, a step is a batch. */
#ifndef SIDMILL_SID_RQVAE_H
#define SIDMILL_SID_RQVAE_H

#include <stdint.h>

#include "sid/quantiser.h"
#include "sid/rqvae_loss.h"
#include "train/learner.h"
#include "train/loop.h"

typedef struct {
    int64_t epochs;      /* with quantisation */
    int64_t warmup;      /* epochs before, of the auto-encoder alone */
    int64_t batch;       /* rows */
    double lr;           /* AdamW's peak rate: short linear warm-up, then a cosine to a tenth */
    rqvae_terms_t terms; /* with a contrast, items that its graph joins share batches */
    double uniformity;   /* weight of the repulsion between code vectors (sid/repulsion.h); 0: none */
    double margin;       /* its threshold */
    double balance;      /* bound of the load offsets: see kmeans_t */
    int iterations;      /* of k-means, a level, for the first codebooks */
    int shards;
    uint64_t seed;
} rqvae_options_t;

typedef struct rqvae_trainer rqvae_trainer_t;

/* Makes a trainer of q, whose fusion and networks it initialises, over n >= 1 items; all are borrowed. */
rqvae_trainer_t *rqvae_trainer_new(const rqvae_options_t *o, quantiser_t *q, int64_t n, const quantiser_rows_t *rows);
void rqvae_trainer_free(rqvae_trainer_t *t);

/* Gives loop_run() what it takes, for warmup + epochs rounds. Every epoch is logged. Codebooks are fitted as the first epoch
 * after the warm-up begins; after each from there on, load offsets move and unused codes get a new place. A gradient that is
 * not finite ends the process with EX_SOFTWARE. */
loop_trainer_t rqvae_loop(rqvae_trainer_t *t);
learner_t *rqvae_learner(rqvae_trainer_t *t);

#endif
