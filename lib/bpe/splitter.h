/* Texts cut into the words that merges stay within, by one pattern after the other: each cuts what the ones before it left. One a
 * thread. */
#ifndef SIDMILL_BPE_SPLITTER_H
#define SIDMILL_BPE_SPLITTER_H

#include <stddef.h>

#include "bpe/pattern.h"

enum { MAX_PATTERNS = 8 };

typedef struct splitter splitter_t;

/* The patterns are borrowed; `name`, for messages, as well. */
splitter_t *splitter_new(const pattern_t *patterns, int count, const char *name);
void splitter_free(splitter_t *s);

/* Calls word() for every word of `n` bytes of valid UTF-8, in order; together they are the text. A pattern that does not come to an
 * end, or leaves out text that it may not, ends the process with EX_DATAERR. */
typedef void (*word_fn)(void *ctx, const char *word, size_t n);
void splitter_run(splitter_t *s, const char *text, size_t n, word_fn word, void *ctx);

#endif
