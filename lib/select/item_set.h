/* A set of items, and which nodes of the trie lead to one of them: what lists are held to, so that a search never goes where
 * nothing may be found. */
#ifndef SIDMILL_SELECT_ITEM_SET_H
#define SIDMILL_SELECT_ITEM_SET_H

#include <stdbool.h>
#include <stdint.h>

#include "data/trie.h"

typedef struct {
    int64_t items, count;  /* of the catalogue; of the set */
    const trie_t *trie;    /* NULL: none */
    uint64_t *item, *node; /* bits */
} item_set_t;

/* An empty set, or one of all items. The trie, of as many items, is borrowed; NULL: none. */
item_set_t *item_set_new(int64_t items, const trie_t *trie);
item_set_t *item_set_all(int64_t items, const trie_t *trie);
item_set_t *item_set_copy(const item_set_t *s);
void item_set_free(item_set_t *s);

/* Each costs the length of the item's SID; taking one out, the siblings along it as well. */
void item_set_add(item_set_t *s, int32_t item);
void item_set_remove(item_set_t *s, int32_t item);

/* Keeps what `other`, of the same items, holds as well. */
void item_set_intersect(item_set_t *s, const item_set_t *other);

static inline bool item_set_holds(const item_set_t *s, int64_t item) { return s->item[item / 64] >> (item % 64) & 1; }

/* Whether some item of the set lies at or below a node of its trie. */
static inline bool item_set_leads(const item_set_t *s, int64_t node) { return s->node[node / 64] >> (node % 64) & 1; }

/* The set's first item from `item` on, or -1. */
int64_t item_set_next(const item_set_t *s, int64_t item);

#endif
