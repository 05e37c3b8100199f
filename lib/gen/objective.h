/* The supervised objective: cross-entropy of each scored token against what may follow its prefix. */
#ifndef SIDMILL_GEN_OBJECTIVE_H
#define SIDMILL_GEN_OBJECTIVE_H

#include <stdint.h>

#include "gen/head.h"

/* Sums over scored tokens, by level (the suffix is level `levels`). */
typedef struct {
    double loss[SID_MAX_TOKENS];
    int64_t tokens[SID_MAX_TOKENS];
    int64_t items;
} loss_t;

double loss_per_item(const loss_t *l); /* negative log-likelihood of an item's whole SID, mean */

/* Scratch for one worker: up to `targets` scored positions. */
typedef struct objective objective_t;
objective_t *objective_new(const network_t *net, const vocab_t *v, const trie_t *t, softmax_t softmax, double smoothing, int64_t targets);
void objective_free(objective_t *o);

/* Adds each target's loss to *loss, and the gradient of weight * sum of (smoothed) losses: into dhidden [rows, hidden_size]
 * (overwritten, rows without a target zero), and into grads at the embedding (overwritten). Label smoothing spreads its share
 * evenly over the allowed tokens; the loss reported is without it. `targets` are in row order; `rows` counts the rows of
 * hidden. */
void objective_backward(objective_t *o, int64_t count, const target_t *targets, int64_t rows, const float *hidden, const operand_t *packed,
                        double weight, float *dhidden, float *grads, loss_t *loss);

#endif
