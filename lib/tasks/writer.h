/* Writes texts: what a generator says behind prompts (tasks/prompt.h), token by token, by beam search; a beam of 1 is greedy. */
#ifndef SIDMILL_TASKS_WRITER_H
#define SIDMILL_TASKS_WRITER_H

#include <stdint.h>

#include "gen/space.h"
#include "nn/transformer.h"

typedef struct writer writer_t;

/* For texts of at most `most` tokens, ATTENTION_EXTRA at most. Borrows both; the space is literal and has texts. */
writer_t *writer_new(const network_t *net, const space_t *space, int most, int beam);
void writer_free(writer_t *w);

/* A text: `length` tokens of the tokenizer, and the logarithm of its probability, its end included. */
typedef struct {
    const int32_t *tokens;
    int length;
    float log_p;
} written_t;

/* The likeliest text that the beam finds behind each of n prompts, histories of symbols; after `most` tokens nothing but the end may
 * come. They live in `w` until the next call. Parallel over fixed batches; equal bytes for any number of threads. */
const written_t *writer_run(writer_t *w, int64_t n, const history_t *prompts);

#endif
