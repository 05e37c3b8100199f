/* Vectors that know their neighbours': propagation with restart over the graph of items (CoBa RQ-VAE: S2GR, arXiv 2601.18664;
 * sidmill-methods(7), 5),
 *   H_0 = X,  H_k = (1 - a) A^ H_(k-1) + a X,  H_align = sum_k b_k H_k,  b_k = a (1 - a)^k / sum_j a (1 - a)^j,  k, j from 0 to K. */
#ifndef SIDMILL_SID_PROPAGATION_H
#define SIDMILL_SID_PROPAGATION_H

#include <stdint.h>

#include "matrix/sparse.h"
#include "sid/features.h"

typedef struct {
    int64_t steps;  /* K >= 0; 0: H_align = X */
    double restart; /* a, in (0, 1] */
} propagation_t;

/* Turns x [graph->rows, width] into H_align, in place. Columns go in slabs, so that memory beside x is three slabs; in parallel over
 * rows. */
void propagate(const propagation_t *o, const csr_t *graph, int64_t width, float *x);

/* Propagates text and image of every item. The quantiser then sees H_align in the place of its frozen input, as what W_v and W_f fuse
 * and as what the decoder gives back. An item without an image stays without one, and adds none to its neighbours'. Intents stay. */
void propagate_features(const propagation_t *o, const csr_t *graph, features_t *e);

#endif
