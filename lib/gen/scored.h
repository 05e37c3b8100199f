/* Positions that are scored, and what a pass over them through the output layer is given. */
#ifndef SIDMILL_GEN_SCORED_H
#define SIDMILL_GEN_SCORED_H

#include <stdbool.h>
#include <stdint.h>

#include "gen/space.h"
#include "gen/task.h"
#include "nn/backend.h"
#include "nn/embedding.h"
#include "nn/grads.h"
#include "nn/model.h"

/* One scored position: the state at `row` predicts `token` among the tokens of `set`, as a part of `task` (gen/task.h). */
typedef struct {
    int32_t row, token;
    allowed_set_t set;
    int32_t task;
} scored_position_t;

/* Called for position `i` with its logits x[0 .. n), which it turns into their gradient in place. */
typedef void (*scored_fn)(void *ctx, int64_t i, const allowed_t *allowed, float *x);

/* A pass: see head_pass(). */
typedef struct {
    int64_t count;
    const scored_position_t *positions;
    const float *hidden;
    const operand_t *packed;
    scored_fn fn;
    void *ctx;
    float *dhidden;
    grads_t *grads;
} scored_pass_t;

/* The block whose rows are a set's tokens: the output matrix (whose rows of a base are in another: nn/embedding.h), or the items' own vectors. */
static inline int scored_block(const model_t *m, allowed_set_t set)
{
    return set.kind == ALLOWED_ITEMS ? m->item_vectors : m->output;
}

/* Copies a token's row of such a block to x [hidden_size]; and where the row's gradient is summed, as grads_row() says, NULL where it is
 * frozen. */
static inline void scored_row(const model_t *m, int block, int32_t token, float *x)
{
    if (block == m->output) output_row(m, token, x);
    else params_row(&m->params, block, token, x);
}

static inline float *scored_row_grad(const model_t *m, int block, int32_t token, grads_t *grads)
{
    return block == m->output ? output_row_grad(m, token, grads) : grads_row(grads, block, token);
}

/* Whether the tokens of a set have node vectors, each its own. */
static inline bool scored_by_nodes(const model_t *m, allowed_set_t set)
{
    return m->node_vectors >= 0 && set.kind == ALLOWED_CHILDREN && set.node != 0;
}

#endif
