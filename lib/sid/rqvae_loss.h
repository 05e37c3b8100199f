/* The loss of RQ-VAE (Lee et al. 2022; for Semantic IDs: Rajput et al. 2023) and its gradients: an auto-encoder whose latent is
 * quantised level by level; with images, jointly with the fusion that the encoder reads (sidmill-methods(7), 1.6). */
#ifndef SIDMILL_SID_RQVAE_LOSS_H
#define SIDMILL_SID_RQVAE_LOSS_H

#include <stdbool.h>
#include <stdint.h>

#include "nn/grads.h"
#include "sid/contrast.h"
#include "sid/quantiser.h"

/* What the terms count for, the text's part of the reconstruction being 1. */
typedef struct {
    double beta;          /* the commitment term */
    double image, intent; /* the image part of the reconstruction, and the intents' */
    contrast_t contrast;  /* pairs of quantised vectors */
} rqvae_terms_t;

/* The terms of the loss, unweighted; an item without image or intents adds nothing to theirs. */
typedef struct {
    double text, image, intent; /* |e_text - e_text^|^2, |v - v^|^2, |y - y^|^2 */
    double commitment;          /* sum over levels of |r_l - C_l[c_l]|^2 */
    double contrast;            /* sid/contrast.h, over the pairs of these items */
} rqvae_loss_t;

/* Adds the loss of n items, its terms summed over them, to *loss, and to `grads` `scale` times the gradients of
 *   |e_text - e_text^|^2 + image |v - v^|^2 + intent |y - y^|^2 + sum_l |sg[r_l] - C_l[c_l]|^2 + beta |r_l - sg[C_l[c_l]]|^2
 *   + contrast.weight log(1 + exp(-y_ij (e^tau cos(zq_i, zq_j) - bias))) of each pair
 * straight-through from the quantised latent to z; codes already subtracted count as constants in r_l. The target [e_text ; v]
 * is the frozen input, never e_mm, which W_f = 0 would reconstruct for nothing; v counts where there is an image, y (the
 * intents' own embedding, decoded from zq by a head of its own: sidmill-methods(7), 3) where there are intents. `codes` [n,
 * levels] receives the codes chosen. With `quantise` false: the plain auto-encoder's, with z in the place of zq, codes untouched. Runs
 * on the calling thread. */
void rqvae_gradients(const rqvae_terms_t *terms, const quantiser_t *q, int64_t n, const quantiser_rows_t *rows, bool quantise,
                     float scale, grads_t *grads, int32_t *codes, rqvae_loss_t *loss);

#endif
