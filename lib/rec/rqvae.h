/* Training of RQ-VAE (Lee et al. 2022; for Semantic IDs: Rajput et al. 2023): an auto-encoder whose latent is quantised
 * level by level. */
#ifndef SIDMILL_REC_RQVAE_H
#define SIDMILL_REC_RQVAE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/jsonlog.h"
#include "rec/quantiser.h"

typedef struct {
    int64_t epochs;      /* with quantisation */
    int64_t warmup;      /* epochs before, of the auto-encoder alone */
    int64_t batch;       /* rows */
    double lr;           /* AdamW's peak rate: short linear warm-up, then a cosine to a tenth */
    double beta;         /* weight of the commitment term */
    double balance;      /* bound of the load offsets: see kmeans_t */
    int iterations;      /* of k-means, a level, for the first codebooks */
    int shards;
    uint64_t seed;
} rqvae_options_t;

/* What an epoch came to. Losses are means over rows. */
typedef struct {
    int64_t epoch;         /* from 1; the warm-up counts */
    bool quantised;        /* false during the warm-up */
    double reconstruction; /* |x - x^|^2 */
    double commitment;     /* sum over levels of |r_l - C_l[c_l]|^2 */
    double used[SID_MAX_LEVELS]; /* share of the codes that some row chose */
    int64_t revived;       /* dead codes given a new place after the epoch */
    double lr;
} rqvae_epoch_t;

typedef struct rqvae_trainer rqvae_trainer_t;

/* A trainer of q, whose networks it initialises, over x [n, q->input]; both are borrowed. n >= 1. */
rqvae_trainer_t *rqvae_trainer_new(const rqvae_options_t *o, quantiser_t *q, int64_t n, const float *x);
void rqvae_trainer_free(rqvae_trainer_t *t);

/* One epoch; false when all are done. The first after the warm-up begins by fitting the codebooks (rec/rkmeans.h). */
bool rqvae_epoch(rqvae_trainer_t *t, rqvae_epoch_t *report);

/* Writes the state between two epochs as a checkpoint (rec/checkpoint.h), with the mark of the run's log. */
void rqvae_save(const rqvae_trainer_t *t, const char *folder, const char *fingerprint, jsonlog_mark_t log);

/* Fills a trainer of the same options and quantiser, and *log; false, touching nothing, if there is no checkpoint. One
 * that does not fit ends the process with EX_DATAERR. */
bool rqvae_load(rqvae_trainer_t *t, const char *folder, const char *fingerprint, jsonlog_mark_t *log);

/* The loss of rows x [n, D], summed over rows: returns the reconstruction term, adds the commitment terms to *commitment, and
 * adds the gradients of
 *   |x - x^|^2 + sum_l |sg[r_l] - C_l[c_l]|^2 + beta |r_l - sg[C_l[c_l]]|^2
 * times `scale` to grads (flat, as q->params), straight-through from the quantised latent to z; codes already subtracted count
 * as constants in r_l. `codes` [n, levels] receives the codes chosen. With `quantise` false: the plain auto-encoder's, codes
 * untouched. Runs on the calling thread. */
double rqvae_gradients(const quantiser_t *q, int64_t n, const float *x, double beta, bool quantise, float scale, float *grads,
                       int32_t *codes, double *commitment);

#endif
