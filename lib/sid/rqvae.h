/* Training of RQ-VAE (Lee et al. 2022; for Semantic IDs: Rajput et al. 2023): an auto-encoder whose latent is quantised
 * level by level; with images, jointly with the fusion that the encoder reads (sidmill-methods(7), 1.6). */
#ifndef SIDMILL_SID_RQVAE_H
#define SIDMILL_SID_RQVAE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/jsonlog.h"
#include "sid/quantiser.h"

typedef struct {
    int64_t epochs;      /* with quantisation */
    int64_t warmup;      /* epochs before, of the auto-encoder alone */
    int64_t batch;       /* rows */
    double lr;           /* AdamW's peak rate: short linear warm-up, then a cosine to a tenth */
    double beta;         /* weight of the commitment term */
    double image, intent; /* weights of the image part of the reconstruction, and of the intents' */
    double balance;      /* bound of the load offsets: see kmeans_t */
    int iterations;      /* of k-means, a level, for the first codebooks */
    int shards;
    uint64_t seed;
} rqvae_options_t;

/* The terms of the loss, unweighted; an item without image or intents adds nothing to theirs. */
typedef struct {
    double text, image, intent; /* |e_text - e_text^|^2, |v - v^|^2, |y - y^|^2 */
    double commitment;          /* sum over levels of |r_l - C_l[c_l]|^2 */
} rqvae_loss_t;

/* What an epoch came to. Losses are means over rows. */
typedef struct {
    int64_t epoch;         /* from 1; the warm-up counts */
    bool quantised;        /* false during the warm-up */
    rqvae_loss_t loss;
    double used[SID_MAX_LEVELS]; /* share of the codes that some row chose */
    int64_t revived;       /* dead codes given a new place after the epoch */
    double lr;
} rqvae_epoch_t;

typedef struct rqvae_trainer rqvae_trainer_t;

/* A trainer of q, whose fusion and networks it initialises, over n >= 1 items; all are borrowed. */
rqvae_trainer_t *rqvae_trainer_new(const rqvae_options_t *o, quantiser_t *q, int64_t n, const quantiser_rows_t *rows);
void rqvae_trainer_free(rqvae_trainer_t *t);

/* One epoch; false when all are done. The first after the warm-up begins by fitting the codebooks (sid/rkmeans.h). */
bool rqvae_epoch(rqvae_trainer_t *t, rqvae_epoch_t *report);

/* Writes the state between two epochs as a checkpoint (train/checkpoint.h), with the mark of the run's log. */
void rqvae_save(rqvae_trainer_t *t, const char *folder, const char *fingerprint, jsonlog_mark_t log);

/* Fills a trainer of the same options and quantiser, and *log; false, touching nothing, if there is no checkpoint. One
 * that does not fit ends the process with EX_DATAERR. */
bool rqvae_load(rqvae_trainer_t *t, const char *folder, const char *fingerprint, jsonlog_mark_t *log);

/* The loss of n items, its terms summed over them and added to *loss; and the gradients of
 *   |e_text - e_text^|^2 + image |v - v^|^2 + intent |y - y^|^2 + sum_l |sg[r_l] - C_l[c_l]|^2 + beta |r_l - sg[C_l[c_l]]|^2
 * times `scale`, added to grads (flat, as q->params), straight-through from the quantised latent to z; codes already subtracted
 * count as constants in r_l. The target [e_text ; v] is the frozen input, never e_mm, which W_f = 0 would reconstruct for
 * nothing; v counts where there is an image, y (the intents' own embedding, decoded from zq by a head of its own:
 * sidmill-methods(7), 3) where there are intents. `codes` [n, levels] receives the codes chosen. With `quantise` false: the
 * plain auto-encoder's, codes untouched. Runs on the calling thread. */
void rqvae_gradients(const rqvae_options_t *o, const quantiser_t *q, int64_t n, const quantiser_rows_t *rows, bool quantise,
                     float scale, float *grads, int32_t *codes, rqvae_loss_t *loss);

#endif
