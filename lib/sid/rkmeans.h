/* Residual k-means: fits codebooks level by level, each to what those before it left over. A quantiser by itself, and what
 * RQ-VAE's codebooks begin as. */
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
