/* The graph of items that training histories hold near each other (CoBa RQ-VAE: S2GR, arXiv 2601.18664; sidmill-methods(7), 5). */
#ifndef SIDMILL_SID_GRAPH_H
#define SIDMILL_SID_GRAPH_H

#include <stdbool.h>
#include <stdint.h>

#include "data/interactions.h"
#include "matrix/sparse.h"

/* Two items that stand s <= window events apart in a training history add s^-fade to the weight of the edge between them. */
typedef struct {
    int64_t window; /* >= 1 */
    double fade;    /* >= 0; 0: all distances weigh alike */
    int64_t least;  /* >= 1: edges of fewer such pairs are left out */
} graph_options_t;

/* Makes A^ = D^-1/2 A D^-1/2 [items, items] of the weights A, without a diagonal, and their row sums D; columns ascend. An item
 * without neighbours has one element, itself at 1, so that whatever A^ is applied to leaves it as it is. Costs window * events steps,
 * twice, and 8 bytes an element; rows are made in parallel. Freed with csr_free(). */
csr_t graph_new(const interactions_t *x, const graph_options_t *o);

/* Counts the edges, each once. */
int64_t graph_edges(const csr_t *graph);

/* Tells whether there is an edge between two different items. */
bool graph_joins(const csr_t *graph, int64_t a, int64_t b);

#endif
