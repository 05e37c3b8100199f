/* The merges of a byte-pair encoding: which pairs of tokens become one, in which order; and the tokens that a word becomes. */
#ifndef SIDMILL_BPE_MERGES_H
#define SIDMILL_BPE_MERGES_H

#include <stddef.h>
#include <stdint.h>

#include "bpe/heap.h"
#include "bpe/ids.h"

typedef struct {
    int32_t left, right;  /* left -1: an empty slot */
    int32_t rank;         /* the lowest goes first */
    int32_t id;           /* what they become */
} merge_t;

typedef struct {
    merge_t *slot;        /* an open-addressing table */
    size_t mask, count;
} merges_t;

/* An empty table. */
merges_t merges_new(void);

/* A pair that is there already takes the new rank. */
void merges_add(merges_t *m, merge_t merge);
void merges_free(merges_t *m);

/* What words are worked out in; begins as {0}, one a thread. */
typedef struct {
    int32_t *id;          /* [cap] tokens so far, by the byte that they start at; -1: inside of one */
    uint32_t *next, *before;
    size_t cap;
    heap_t heap;
} merges_scratch_t;

/* Appends the tokens of a word of `n` bytes: of the pairs that stand beside each other the one of lowest rank is merged, the leftmost
 * of these, until none is left. byte_id [256]: where it starts. A word of 2^31 bytes or more ends the process with EX_DATAERR. */
void merges_apply(const merges_t *m, merges_scratch_t *s, const int32_t *byte_id, const char *word, size_t n, ids_t *out);
void merges_scratch_free(merges_scratch_t *s);

#endif
