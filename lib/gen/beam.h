/* One history's beam: live hypotheses, finished ones that keep their place, and the choice among both. */
#ifndef SIDMILL_GEN_BEAM_H
#define SIDMILL_GEN_BEAM_H

#include <stdint.h>

#include "data/trie.h"

typedef struct {
    float score;
    int32_t token; /* the last one */
    int32_t row;   /* whose state its next token is chosen by (gen/stepper.h) */
    int64_t node;  /* in the trie; -1: outside it (unconstrained decoding) */
} beam_hypothesis_t;

/* A continuation of a live hypothesis, or (parent -1) a finished item. */
typedef struct {
    float score;
    int parent;
    int32_t token, item;
    int64_t node;
} beam_candidate_t;

typedef struct {
    int width; /* places of this search */
    beam_hypothesis_t *live, *next;
    int live_count;
    beam_candidate_t *heap;  /* the best `width` candidates of the step; the worst of them at the top */
    int heap_count;
    beam_candidate_t *done;  /* finished */
    int done_count;
} beam_t;

beam_t beam_new(int capacity);
void beam_free(beam_t *b);

void beam_start(beam_t *b, int width, int32_t row); /* one live hypothesis: the root, score 0, after `row`; width <= capacity */
void beam_begin(beam_t *b);  /* begins a step: finished items take their places as candidates */

/* Offers the child `node` (whose token the trie knows), or any token, as a continuation of live hypothesis `parent`. */
void beam_offer(beam_t *b, int parent, float score, int64_t node);
void beam_offer_token(beam_t *b, int parent, float score, int64_t node, int32_t token);

/* Ends a step: the best candidates become the live and finished ones. */
void beam_select(beam_t *b, const trie_t *t);

/* Moves live hypothesis i to the finished ones, as `item` (-1: no item's SID). */
void beam_finish(beam_t *b, int i, int32_t item);

/* The k best finished items, by score, then item index. */
void beam_rank(beam_t *b, int k, int32_t *items, float *scores);

/* Share of finished sequences that are no item. */
double beam_invalid(const beam_t *b);

#endif
