/* The output layer over allowed tokens: logits of the few tokens that may follow, and the gradient's way back through them. The
 * logit of token c is z . E[c], and where the model has node vectors, of the child v that c leads to, z . (E[c] + n_v): a
 * hierarchical softmax (Morin & Bengio 2005) whose tree is the trie of SIDs. The root's children have none: their embeddings are
 * as many as they. The logit of an item among all items (ALLOWED_ITEMS) is z . its own vector. What is made of the logits
 * (cross-entropy, a policy's gradient) is the caller's. Works in tiles of positions: its memory does not grow with positions times
 * vocabulary. */
#ifndef SIDMILL_GEN_HEAD_H
#define SIDMILL_GEN_HEAD_H

#include <stdint.h>

#include "gen/scored.h"
#include "gen/space.h"
#include "nn/grads.h"
#include "train/loan.h"
#include "nn/transformer.h"

/* Scratch for one worker. */
typedef struct head head_t;
head_t *head_new(const network_t *net, const space_t *space);
void head_free(head_t *h);

/* From now on, a pass leaves the node vectors out of a position's logits at this rate, drawn by `key`, so that codes learn to stand
 * alone; 0: never. */
void head_drop_nodes(head_t *h, double rate, uint64_t key);

/* From now on, a pass scores sets of more than `draws` tokens by so many drawn from them by `key` (gen/sampled.h); 0: by all. One
 * head has one number of draws. */
void head_sample(head_t *h, int64_t draws, uint64_t key);

/* Calls fn for every position that has a choice: of children a single one is certain and left out. Order: the positions of many
 * allowed tokens, span by span (levels, then ranges) upwards, those scored by all items, those by a sample, then the others, each in
 * the order of `positions`. What fn leaves is added to dhidden, at the position's row of hidden [.., hidden_size], and to `grads` at
 * the embedding or the item vectors; with both NULL nothing is propagated. The positions' `token` matters to samples alone. */
void head_pass(head_t *h, int64_t count, const scored_position_t *positions, const float *hidden, const operand_t *packed,
               scored_fn fn, void *ctx, float *dhidden, grads_t *grads);

/* Logits of one state over a set of tokens, times `inverse_temperature`: x holds space->widest. */
allowed_t head_logits(const network_t *net, const space_t *space, allowed_set_t set, const float *state,
                      float inverse_temperature, float *x);

/* Wants what a pass over these positions reads of split tables; and what head_logits() does, of a set of children or codes. */
void head_want(const head_t *h, int64_t count, const scored_position_t *positions, loan_t *loan);
void head_want_set(const model_t *m, const space_t *space, allowed_set_t set, loan_t *loan);

#endif
