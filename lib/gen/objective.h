/* The supervised objective: cross-entropy of each scored token against what may follow its prefix. */
#ifndef SIDMILL_GEN_OBJECTIVE_H
#define SIDMILL_GEN_OBJECTIVE_H

#include <stdint.h>

#include "gen/head.h"

/* Sums over scored tokens: those of recommendation by level (the suffix is level `levels`; after all levels tokens of ranges, then
 * items), and those of every task. */
enum { LOSS_OTHER = SID_MAX_TOKENS, LOSS_ITEM, LOSS_LEVELS };

typedef struct {
    double loss[LOSS_LEVELS];
    int64_t tokens[LOSS_LEVELS];
    int64_t items; /* tokens of level 0 */
    double task_loss[TASKS];
    int64_t task_tokens[TASKS], task_wrong[TASKS]; /* and those whose logit is not the largest of their set */
} loss_t;

double loss_per_item(const loss_t *l); /* negative log-likelihood of an item's whole SID, mean */
void loss_add(loss_t *to, const loss_t *more);

/* Scratch for one worker. Positions scored among items count `item_weight` times. */
typedef struct objective objective_t;
objective_t *objective_new(const network_t *net, const space_t *space, double smoothing, double item_weight);

/* Weights of the tasks' losses; 1 until it is called. */
void objective_weigh(objective_t *o, const double weight[TASKS]);

/* From now on, label smoothing spreads this share of each target. */
void objective_smooth(objective_t *o, double smoothing);

/* From now on, positions go without node vectors at this rate (head_drop_nodes()). */
void objective_drop_nodes(objective_t *o, double rate, uint64_t key);

/* From now on, large sets are scored by samples (head_sample()); the losses are those of the samples. */
void objective_sample(objective_t *o, int64_t draws, uint64_t key);

/* Wants what objective_backward() reads of split tables. */
void objective_want(const objective_t *o, int64_t count, const scored_position_t *positions, loan_t *loan);
void objective_free(objective_t *o);

/* Adds each position's loss to *loss, and the gradient of weight * sum of (smoothed) losses to dhidden [rows, hidden_size] and to
 * `grads` at the embedding or the item vectors. Label smoothing spreads its share evenly over the allowed tokens; the loss reported is without it. */
void objective_backward(objective_t *o, int64_t count, const scored_position_t *positions, const float *hidden,
                        const operand_t *packed, double weight, float *dhidden, grads_t *grads, loss_t *loss);

#endif
