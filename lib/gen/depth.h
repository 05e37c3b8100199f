/* The code head of a timeline: from the state after an item's row, and the codes generated since, to the state that predicts the
 * next code. Of a prefix of l codes, g = h + sum of the codes' embeddings, and one gated block a level makes of it z = f_l(g)
 * (RQ-Transformer, arXiv 2203.01941, with a block in place of a transformer; gen/head.h takes z on to logits).
 *
 * A model that thinks (S2GR, arXiv 2601.18664: t_1 s_1 t_2 s_2 t_3 s_3, each t_l the decoder's output plus a vector of its level,
 * fed back as input) takes one block more before each code, whose output the level's block and all later levels read:
 *
 *     g_0 = h,   t_l = b_l(g_l) + p_l,   z_l = f_l(t_l),   g_{l+1} = t_l + e(c_l)
 *
 * That a thought is a step of this head, and not a row of the body, is ours: it needs no pass of its own, so that all targets of a
 * history are learnt from at once. b_l is a gated block. At first it adds nothing, and p_l is 0: then t_l = g_l. Before a suffix
 * there is no thought. */
#ifndef SIDMILL_GEN_DEPTH_H
#define SIDMILL_GEN_DEPTH_H

#include <stdbool.h>
#include <stdint.h>

#include "gen/space.h"
#include "nn/grads.h"
#include "nn/transformer.h"

/* A prefix: it follows the history that ends at `row`; as many of `tokens` (borrowed) count as its level says. `above` is the place
 * in its level of the prefix that is one token shorter, where they are chained. */
typedef struct {
    int32_t row, above;
    const int32_t *tokens;
} depth_prefix_t;

/* Prefixes by their length, the level of the code that they predict: number level * most + i is the i-th of its level. */
typedef struct {
    int64_t most;                   /* of a level; one of the backend's round numbers */
    bool chained;                   /* each stands behind all shorter ones, as a model that thinks needs it */
    int64_t count[SID_MAX_TOKENS];
    depth_prefix_t *prefixes;       /* [levels + 1, most] */
} depth_prefixes_t;

depth_prefixes_t depth_prefixes_new(const space_t *s, int64_t most, bool chained);
void depth_prefixes_free(depth_prefixes_t *p);
void depth_prefixes_clear(depth_prefixes_t *p);

/* How far the prefixes of one sequence of tokens have been added; a copy goes on with others. */
typedef struct {
    int level;      /* of the last one added, -1: none yet */
    int32_t number; /* its state's */
} depth_chain_t;

static inline depth_chain_t depth_chain(void) { return (depth_chain_t){-1, -1}; }

/* Adds the prefix of `level` tokens, more than the chain's last has, and where prefixes are chained, those between; returns the
 * number of its state. */
int32_t depth_prefixes_add(depth_prefixes_t *p, depth_chain_t *chain, int level, int32_t row, const int32_t *tokens);

/* One worker's space, for prefixes of up to `most` a level. A training pass keeps what its backward needs. */
typedef struct depth depth_t;
depth_t *depth_new(const network_t *net, const space_t *space, activations_pass_t pass, int64_t most);
void depth_free(depth_t *d);

/* States z [(levels + 1) * most, hidden_size] of all prefixes over hidden [.., hidden_size], and the same as operands in *packed;
 * dropout behind the blocks. Both live in `d`. */
const float *depth_forward(depth_t *d, const depth_prefixes_t *p, const float *hidden, double dropout, uint64_t key,
                           const operand_t **packed);

/* Where the gradient of the states is summed up, zero after each forward of a training pass. */
float *depth_gradient(depth_t *d);

/* Thoughts t [most, hidden_size] of a level's prefixes, and where their gradient is summed up, zero after each forward of a
 * training pass; of a model that thinks, levels from 0 to before the suffix's. */
const float *depth_thoughts(const depth_t *d, int level);
float *depth_thoughts_gradient(depth_t *d, int level);

/* Takes it back: adds to dhidden at the prefixes' rows and to `grads`. Same prefixes, dropout and key. */
void depth_backward(depth_t *d, const depth_prefixes_t *p, double dropout, uint64_t key, float *dhidden, grads_t *grads);

/* One level for rows g [rows, hidden_size] that the caller has summed up: z, which may be g. Of a model that thinks g becomes t,
 * which the next level goes on from. There must be room for round_rows() of them in both. */
void depth_level(depth_t *d, int level, int64_t rows, float *g, float *z);

#endif
