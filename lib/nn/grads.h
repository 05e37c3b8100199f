/* One shard's gradient of a model's parameters. Backwards add to it, so that several passes and several losses sum without
 * second buffers; whoever takes the step clears it first. Frozen blocks have none. */
#ifndef SIDMILL_NN_GRADS_H
#define SIDMILL_NN_GRADS_H

#include <stdint.h>

#include "nn/params.h"

/* The gradient of a row-sparse block: rows that were touched, in the order of their first touch. */
typedef struct {
    int64_t count, cap;
    int64_t *row;    /* [count] */
    float *values;   /* [count, cols] */
    int32_t *slot;   /* [slots] open-addressed: 1 + place in `row`, 0 free */
    int64_t slots;   /* a power of two, more than twice `count` */
} grads_rows_t;

typedef struct {
    const params_t *params;
    float *dense;       /* [params->size] */
    grads_rows_t *rows; /* [params->count], in use where the block is sparse */
} grads_t;

grads_t *grads_new(const params_t *params);
void grads_free(grads_t *g);

/* Zeroes the dense part and forgets the rows. Of tables it costs what the step that touched most has touched, which is what their
 * gradients hold on to. */
void grads_clear(grads_t *g);

/* Where the gradient of a dense block is summed, laid out as its values; NULL for a frozen or a row-sparse one. */
float *grads_block(const grads_t *g, int block);

/* Where the gradient of one row is summed, [cols]; a sparse block's row is zero at first, and the address holds until the next
 * row of that block is touched. NULL for a frozen block. */
float *grads_row(grads_t *g, int block, int64_t row);

/* shards[0] becomes the sum of shards[0] ... shards[count - 1], added pairwise in a tree fixed by shard number: of a table's row
 * only those that touched it take part, and new rows stand in the order (shard, then first touch). In parallel; the others are
 * destroyed. Where there are several ranks, each brings its block of the shards (ranks_block()), and all get the sum: of a split
 * table only the rows that are theirs (params_held()). Returns grads_sum_squares() of the whole sum. */
double grads_reduce(grads_t *const *shards, int count);

/* Sum of squares, in double over fixed blocks, in parallel; the rows of tables count as they stand. */
double grads_sum_squares(const grads_t *g);

#endif
