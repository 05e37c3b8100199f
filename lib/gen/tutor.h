/* What teaches thoughts in supervised training, and is no part of the model (S2GR, arXiv 2601.18664; sidmill-methods(7), 5): the
 * clusters of each level's codes, which t_l is aligned with; and a light decoder, whose guess v of the item the first thought
 * follows. Its parameters, and what has them learn:
 *
 *     v = h + W_down(silu(W_gate n) * W_up n), n = RMSNorm(h)        (one gated block: ours; the paper says "light")
 *     q_l = P_l t_l, where clusters are of a codebook; else they are of the model's own embeddings, and q_l = t_l */
#ifndef SIDMILL_GEN_TUTOR_H
#define SIDMILL_GEN_TUTOR_H

#include <stdbool.h>
#include <stdint.h>

#include "gen/alignment.h"
#include "gen/clusters.h"
#include "gen/space.h"
#include "nn/gated.h"
#include "nn/transformer.h"
#include "train/learner.h"

typedef struct {
    double align, guide, follow; /* weights of the three losses: see gen/lesson.h */
    double temperature;          /* of InfoNCE */
    int64_t clusters;            /* of a level; 0: an eighth of its codes, from 2 to 256 */
    int64_t ffn;                 /* inner width of the light decoder's block */
} tutor_options_t;

/* Vectors of the codes that a quantiser has; none: the embeddings take their place. */
typedef struct {
    float *vectors; /* [levels, codes, width]; NULL: none */
    int64_t width;
} codebook_t;

typedef struct {
    tutor_options_t o;
    const model_t *model;  /* borrowed, as the codebook is */
    codebook_t codebook;
    vocab_t vocab;
    params_t *params;
    gated_t decoder;
    linear_t *project;     /* [levels]; NULL: none */
    weights_t weights;
    learner_t learner;
    clusters_t clusters;
} tutor_t;

/* A tutor with random weights of `seed`, who learns by `shards` gradients; `best` as in learner_new(). More clusters than codes end the process with
 * EX_USAGE. */
tutor_t *tutor_new(const network_t *net, const space_t *space, const tutor_options_t *o, codebook_t codebook, int64_t shards,
                   bool best, uint64_t seed);
void tutor_free(tutor_t *t);

/* Clusters the codes anew, by `key`. */
void tutor_cluster(tutor_t *t, uint64_t key);

/* Takes over weights that have changed. */
void tutor_sync(tutor_t *t);

/* What thoughts have been aligned with, a copy; NULL where they have not. */
alignment_t *tutor_alignment(const tutor_t *t);

/* Adds all of it to a checkpoint; and whether what was loaded can be its own. */
void tutor_fields(tutor_t *t, checkpoint_t *c);
bool tutor_sound(const tutor_t *t);

#endif
