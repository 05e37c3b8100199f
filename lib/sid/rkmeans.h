/* Fits codebooks by residual k-means, each level's to what the levels before it left over: a quantiser that needs no training,
 * and the places from which RQ-VAE's codebooks start. */
#ifndef SIDMILL_SID_RKMEANS_H
#define SIDMILL_SID_RKMEANS_H

#include <stdint.h>

#include "sid/quantiser.h"

typedef struct {
    int iterations;  /* of Lloyd's algorithm, a level */
    double balance;  /* bound of the load offsets: see kmeans_t */
    int shards;
    uint64_t seed;
} rkmeans_t;

/* Fits q's codebooks and load offsets to latents [n, q->latent], n >= 1. */
void rkmeans_fit(const rkmeans_t *o, quantiser_t *q, int64_t n, const float *latents);

#endif
