/* Codes that know who meets whom (COSETTE, published with MARIUS, arXiv 2508.14910; sidmill-methods(7), 7.5): the quantised vectors of
 * items that training histories hold near each other point the same way, and those of others do not, by a sigmoid loss over pairs. */
#ifndef SIDMILL_SID_CONTRAST_H
#define SIDMILL_SID_CONTRAST_H

#include <stdint.h>

#include "matrix/sparse.h"

typedef struct {
    double weight;      /* of the loss; 0: none is computed */
    double tau, bias;   /* of its logits */
    const csr_t *graph; /* sid/graph.h: its edges are the positive pairs; borrowed */
} contrast_t;

/* Over the pairs i < j of n items, `item` [n] their rows in the graph, and their vectors zq [n, d]:
 *   loss = sum log(1 + exp(-y_ij (e^tau cos(zq_i, zq_j) - bias))),  y_ij = 1 where the graph joins them, else -1.
 * Adds `scale` times its gradient to dzq and returns the loss. A vector of length 0 has cosine 0 with all, and no gradient. */
double contrast_gradients(const contrast_t *c, int64_t n, const int64_t *item, int64_t d, const float *zq, float scale, float *dzq);

/* Moves items that the graph joins together, so that a batch holds positive pairs: walking through order [n], rows of the graph in any
 * order, an item that has no place yet draws one of its neighbours that have none, by their weights, to stand behind it. */
void contrast_pair_up(const csr_t *graph, uint64_t key, int64_t *order, int64_t n);

#endif
