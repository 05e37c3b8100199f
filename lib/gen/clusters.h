/* Clusters of the codes of each level, by k-means over vectors of the codes: what a thought is to tell (S2GR, arXiv 2601.18664). */
#ifndef SIDMILL_GEN_CLUSTERS_H
#define SIDMILL_GEN_CLUSTERS_H

#include <stdbool.h>
#include <stdint.h>

#include "train/checkpoint.h"

typedef struct {
    int levels, codes, clusters;
    int64_t width;
    float *centroids; /* [levels, clusters, width], scaled to length 1 */
    int32_t *of;      /* [levels, codes] the cluster of a code */
} clusters_t;

clusters_t clusters_new(int levels, int codes, int clusters, int64_t width);
void clusters_free(clusters_t *c);

/* Fits them to vectors [levels, codes, width], in parallel over `shards`, which are part of the result as `key` is. */
void clusters_fit(clusters_t *c, const float *vectors, int shards, uint64_t key);

/* Adds them to a checkpoint; and whether what was loaded can be theirs. */
void clusters_fields(clusters_t *c, checkpoint_t *to);
bool clusters_sound(const clusters_t *c);

#endif
