/* The way that a beam search took: which prefixes it held after each level. */
#ifndef SIDMILL_GEN_TRAIL_H
#define SIDMILL_GEN_TRAIL_H

#include <stdint.h>

#include "data/trie.h"
#include "gen/beam.h"

/* A prefix of codes by its node in the trie, of which a leaf is an item's whole SID, and its log-probability. */
typedef struct {
    int64_t node;
    float score;
} trail_prefix_t;

/* Zero-initialise. After level l: prefixes[first[l] .. first[l + 1]), the best first, ties by item, then node. */
typedef struct {
    trail_prefix_t *prefixes;
    int64_t first[SID_MAX_TOKENS + 1], cap;
    int levels;
} trail_t;

void trail_free(trail_t *t);

/* Takes down what a beam holds after the level that comes next. A finished SID keeps its place as a prefix that grows by a code a
 * level, also where all of them were certain at once; when nothing lives, until all are whole. What is whole is over: no more is taken
 * down then. */
void trail_add(trail_t *t, const trie_t *trie, const beam_t *b);

#endif
