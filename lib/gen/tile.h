/* What the passes of the output layer are made of: a tile of positions' states against some tokens' rows of the embedding, or some
 * items' of their table, by matrix products, and the gradient's way back. */
#ifndef SIDMILL_GEN_TILE_H
#define SIDMILL_GEN_TILE_H

#include <stdint.h>

#include "gen/scored.h"
#include "nn/transformer.h"

/* The tile at hand: positions chosen[0 .. n) against the tokens of `columns`, of which n, first and tokens count: rows of
 * `block`. */
typedef struct {
    int64_t n;
    const int64_t *chosen;
    allowed_t columns;
    int block;
} tile_of_t;

/* Scratch for one worker; grows as needed. */
typedef struct tile tile_t;
tile_t *tile_new(const network_t *net);
void tile_free(tile_t *t);

/* Positions that a tile of so many columns takes at once. */
int64_t tile_rows(const network_t *net, int64_t columns);

/* Logits [n, columns.n]; they live in `t`. */
float *tile_forward(tile_t *t, const scored_pass_t *p, const tile_of_t *at);

/* Takes back the gradient that stands in the logits' place: adds to the pass's dhidden, and to its grads at the columns' rows. */
void tile_backward(tile_t *t, const scored_pass_t *p, const tile_of_t *at);

#endif
