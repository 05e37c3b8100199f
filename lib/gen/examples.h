/* Training examples: what one history teaches, and how examples are dealt into shards of packed rows. */
#ifndef SIDMILL_GEN_EXAMPLES_H
#define SIDMILL_GEN_EXAMPLES_H

#include <stdint.h>

#include "data/interactions.h"
#include "data/sids.h"
#include "data/trie.h"
#include "data/vocab.h"
#include "gen/head.h"
#include "gen/hold_back.h"

/* A window over a training history: items [first, first + count) of item_index, of which the first `context` are only read;
 * the others are targets. */
typedef struct {
    int64_t first;
    int32_t count, context;
} example_t;

typedef struct {
    example_t *list;
    int64_t count;
    int64_t longest;     /* input rows of the longest example */
    int64_t targets;     /* items that are targets, over all examples */
} examples_t;

/* Cuts every user's training history into windows of at most max_items items, so that every interaction is a target exactly
 * once; windows after the first begin with max_items / 2 items of context. What is held back is in none. Examples are in user
 * order. */
examples_t examples_make(const interactions_t *x, int64_t max_items, int levels, hold_back_t hold);
void examples_free(examples_t *r);

/* A dealt epoch: shard s holds examples order[starts[s] .. starts[s + 1]), at most `rows` input rows. */
typedef struct {
    int64_t *order, *starts;
    int64_t shards;
} deal_t;

/* Shuffles by `key` and fills shards in that order. */
deal_t examples_deal(const examples_t *r, const interactions_t *x, const sids_t *sids, int64_t rows, uint64_t key);
void deal_free(deal_t *d);

/* What an example becomes: input tokens (BOS, then every SID token but the last item's last) and targets. Returns the number of
 * input rows; rows are numbered from `row`. *target_count grows by the targets written. */
int64_t example_expand(const example_t *r, const interactions_t *x, const sids_t *sids, const vocab_t *vocab, const trie_t *trie, int64_t row,
                      int32_t *tokens, target_t *targets, int64_t *target_count);

/* The tokens of a history: BOS, then every item's SID. Returns their number. */
int64_t history_tokens(const vocab_t *vocab, const sids_t *sids, const history_t *h, int32_t *tokens);

/* Input rows that an example takes. */
int64_t example_rows(const example_t *r, const interactions_t *x, const sids_t *sids);

#endif
