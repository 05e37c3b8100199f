/* The sampled softmax: a position is scored against its own token t and N others, drawn uniformly from the M that are allowed,
 * instead of all (Bengio & Senecal 2008, "Adaptive importance sampling"; Jean et al. 2015, arXiv 1412.2007, equation 10 and
 * section 3.2):
 *
 *     L = -x_t + log(e^{x_t} + M / N sum_j [c_j != t] e^{x_{c_j}}),    x_c = z . E[c]
 *
 * A draw counts for M / N tokens, so the argument of the logarithm is that of the full softmax in expectation. A draw that hits
 * t, as one in M does, counts for nothing: t is there already. Draws are shared by all positions. */
#ifndef SIDMILL_GEN_SAMPLED_H
#define SIDMILL_GEN_SAMPLED_H

#include <stdbool.h>
#include <stdint.h>

#include "gen/tile.h"
#include "train/loan.h"

/* Scratch for one worker, that shares the head's tile. */
typedef struct sampled sampled_t;
sampled_t *sampled_new(const network_t *net, const space_t *space, tile_t *tile, int64_t draws);
void sampled_free(sampled_t *s);

/* What the next draws are drawn by. */
void sampled_key(sampled_t *s, uint64_t key);

/* Whether positions of this set are the sample's: more than N tokens, and no vectors of their own. `s` NULL: none is. */
bool sampled_takes(const sampled_t *s, allowed_set_t set);

/* Takes those of the pass's positions, and no others, in tiles of equal sets. fn sees N + 1 tokens: the position's own, then the
 * draws, whose logits are raised by log(M / N). Draw j is number rng_below(key, j, M) of the set, whatever the pass. */
void sampled_pass(sampled_t *s, const scored_pass_t *p);

/* Wants what such a pass reads of split tables. */
void sampled_want(const sampled_t *s, int64_t count, const scored_position_t *positions, loan_t *loan);

#endif
