/* The trie of all SIDs: which tokens may follow a prefix, as a compact list. Nodes lie level by level in the order of the
 * sorted SIDs, so the children of a node are contiguous. */
#ifndef SIDMILL_DATA_TRIE_H
#define SIDMILL_DATA_TRIE_H

#include <stdint.h>

#include "data/sids.h"
#include "data/vocab.h"

typedef struct {
    int64_t nodes;      /* node 0 is the root */
    int64_t *first;     /* [nodes] first child */
    int32_t *children;  /* [nodes] number of children; 0 for a leaf */
    int32_t *token;     /* [nodes] the token that leads here, ascending among siblings; -1 for the root */
    int32_t *item;      /* [nodes] the item of a leaf, -1 elsewhere */
    int64_t items;
    int64_t *leaf;      /* [items] the node that ends the item's SID */
    int64_t *parent;    /* [nodes] -1 for the root */
} trie_t;

/* Builds the trie of all items' SIDs, in the tokens of `v`; no SID repeats or begins another, as sids_read() checks. */
trie_t trie_build(const sids_t *s, const vocab_t *v);
void trie_free(trie_t *t);

/* The child of `node` by token, or -1. */
int64_t trie_child(const trie_t *t, int64_t node, int32_t token);

#endif
