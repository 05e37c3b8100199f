/* Training of byte-pair encodings: the pair of tokens that comes most often within words becomes a token, over and over. */
#ifndef SIDMILL_BPE_TRAINER_H
#define SIDMILL_BPE_TRAINER_H

#include "bpe/counter.h"

typedef struct {
    int32_t left, right;
} trained_merge_t;

typedef struct {
    strtab_t piece;            /* the tokens' bytes, by id: first all bytes, in the order of their spellings */
    trained_merge_t *merge;    /* [merges] */
    int64_t merges, cap;
} trained_t;

/* Trains up to `size` tokens, bytes included; fewer where no pair comes `least` times any more. Of pairs that come equally often, the one
 * whose left token has the lower id goes first, then the one whose right has: the result depends on the words and their counts alone. */
trained_t bpe_train(const word_counts_t *words, int32_t size, int64_t least);
void trained_free(trained_t *t);

#endif
