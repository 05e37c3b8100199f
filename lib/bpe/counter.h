/* The words of many texts with how often they come, counted by several threads: what a tokenizer is trained on. */
#ifndef SIDMILL_BPE_COUNTER_H
#define SIDMILL_BPE_COUNTER_H

#include <stdbool.h>

#include "bpe/pattern.h"
#include "data/strtab.h"

typedef struct {
    strtab_t word;     /* in no order that means anything */
    int64_t *count;    /* by row */
    int64_t cap;
} word_counts_t;

typedef struct counter counter_t;

/* The pattern is borrowed; `nfc`: texts are normalised first. */
counter_t *counter_new(const pattern_t *pattern, bool nfc, int workers);

/* Counts the words of a text, `n` bytes of valid UTF-8. Each worker has a table of its own. */
void counter_add(counter_t *c, int worker, const char *text, size_t n);

/* All that was counted; frees the counter. */
word_counts_t counter_end(counter_t *c);
void word_counts_free(word_counts_t *w);

#endif
