/* The output layer over allowed tokens: logits of the few tokens that may follow, and the gradient's way back through them.
 * What is made of the logits (cross-entropy, a policy's gradient) is the caller's. */
#ifndef SIDMILL_GEN_HEAD_H
#define SIDMILL_GEN_HEAD_H

#include <stdint.h>

#include "data/trie.h"
#include "data/vocab.h"
#include "nn/transformer.h"

/* SOFTMAX_TRIE normalises over the children of the prefix in the trie, which is what constrained decoding sees; SOFTMAX_LEVEL
 * over all codes of the level. */
typedef enum { SOFTMAX_TRIE, SOFTMAX_LEVEL } softmax_t;

/* One scored position: the state at `row` predicts `token`, a child of trie node `node` at `level`. */
typedef struct {
    int32_t row, level, token;
    int64_t node;
} target_t;

/* The tokens that may follow: tokens[0 .. n) ascending, or first, first + 1 ... where `tokens` is NULL. */
typedef struct {
    int32_t n, first;
    const int32_t *tokens;
} allowed_t;

int32_t allowed_index(const allowed_t *a, int32_t token); /* -1 if it may not */

/* Called for target `i` with its logits x[0 .. n), which it turns into their gradient in place. */
typedef void (*head_fn)(void *ctx, int64_t i, const allowed_t *allowed, float *x);

/* Scratch for one worker: up to `targets` positions. */
typedef struct head head_t;
head_t *head_new(const network_t *net, const vocab_t *v, const trie_t *t, softmax_t softmax, int64_t targets);
void head_free(head_t *h);

/* Calls fn for every target that has a choice: under the trie softmax a single allowed token is certain and left out. Order: the
 * targets of many allowed tokens level by level, then the others, each in the order of `targets`. What fn leaves is propagated
 * into dhidden [rows, hidden_size] and into grads at the embedding (both overwritten). With dhidden and grads NULL nothing is
 * propagated. At most one target a row. The targets' `token` is not looked at; their `node` only under the trie softmax. */
void head_pass(head_t *h, int64_t count, const target_t *targets, int64_t rows, const float *hidden, const operand_t *packed, head_fn fn,
               void *ctx, float *dhidden, float *grads);

/* Logits of one state over the tokens that may follow `node` at `level`: x holds the widest level. */
allowed_t head_logits(const head_t *h, const float *state, int level, int64_t node, float *x);

/* The tokens that may follow, without logits. */
allowed_t head_allowed(const head_t *h, int level, int64_t node);
int64_t head_widest(const head_t *h); /* the most tokens that may follow anywhere */

#endif
