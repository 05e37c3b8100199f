/* What a model's thoughts have been aligned with, as its file keeps it: the clusters of each level's codes and, where they are of a
 * codebook, the map of thoughts to its space (gen/tutor.h). No part of what the model computes: it says what thoughts mean. */
#ifndef SIDMILL_GEN_ALIGNMENT_H
#define SIDMILL_GEN_ALIGNMENT_H

#include <stdint.h>

#include "data/st.h"
#include "gen/clusters.h"

typedef struct {
    clusters_t clusters;
    int64_t hidden_size;
    float *project; /* [levels, clusters.width, hidden_size]; NULL: thoughts are compared as they are */
} alignment_t;

/* Reads it from a model/1 file of so many levels and codes; NULL where there is none. What does not fit ends the process with
 * EX_DATAERR. */
alignment_t *alignment_read(const st_file_t *model, int levels, int codes, int64_t hidden_size);
void alignment_free(alignment_t *a);

/* Writes it, borrowed until st_commit(); NULL: nothing. */
void alignment_add(st_writer_t *w, const alignment_t *a);

/* A cluster, and the cosine of its centroid and a thought. */
typedef struct {
    int32_t cluster;
    float cosine;
} alignment_near_t;

/* The clusters nearest to a level's thought [hidden_size], up to `most` of them, nearest first; returns their number. */
int alignment_nearest(const alignment_t *a, int level, const float *thought, int most, alignment_near_t *near);

#endif
