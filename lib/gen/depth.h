/* The code head of a timeline: from the state after an item's row, and the codes generated since, to the state that predicts the
 * next code. Of a prefix of l codes, g = h + sum of the codes' embeddings, and one gated block a level makes of it z = f_l(g)
 * (RQ-Transformer, arXiv 2203.01941, with a block in place of a transformer; gen/head.h takes z on to logits). */
#ifndef SIDMILL_GEN_DEPTH_H
#define SIDMILL_GEN_DEPTH_H

#include <stdint.h>

#include "gen/space.h"
#include "nn/grads.h"
#include "nn/transformer.h"

/* A prefix: it follows the history that ends at `row`; as many of `tokens` (borrowed) count as its level says. */
typedef struct {
    int32_t row;
    const int32_t *tokens;
} depth_prefix_t;

/* Prefixes by their length, the level of the code that they predict: number level * most + i is the i-th of its level. */
typedef struct {
    int64_t most;                   /* of a level; one of the backend's round numbers */
    int64_t count[SID_MAX_TOKENS];
    depth_prefix_t *prefixes;       /* [levels + 1, most] */
} depth_prefixes_t;

depth_prefixes_t depth_prefixes_new(const space_t *s, int64_t most);
void depth_prefixes_free(depth_prefixes_t *p);
void depth_prefixes_clear(depth_prefixes_t *p);

/* Adds a prefix of `level` tokens; returns the number of its state. */
int32_t depth_prefixes_add(depth_prefixes_t *p, int level, int32_t row, const int32_t *tokens);

/* One worker's space, for prefixes of up to `most` a level. A training pass keeps what its backward needs. */
typedef struct depth depth_t;
depth_t *depth_new(const network_t *net, const space_t *space, activations_pass_t pass, int64_t most);
void depth_free(depth_t *d);

/* States z [(levels + 1) * most, hidden_size] of all prefixes over hidden [.., hidden_size], and the same as operands in *packed;
 * dropout behind the block. Both live in `d`. */
const float *depth_forward(depth_t *d, const depth_prefixes_t *p, const float *hidden, double dropout, uint64_t key,
                           const operand_t **packed);

/* Where the gradient of the states is summed up, zero after each forward of a training pass. */
float *depth_gradient(depth_t *d);

/* Takes it back: adds to dhidden at the prefixes' rows and to `grads`. Same prefixes, dropout and key. */
void depth_backward(depth_t *d, const depth_prefixes_t *p, double dropout, uint64_t key, float *dhidden, grads_t *grads);

/* One level for rows g [rows, hidden_size] that the caller has summed up: z, which may be g. There must be room for
 * round_rows() of them in both. */
void depth_level(depth_t *d, int level, int64_t rows, float *g, float *z);

#endif
