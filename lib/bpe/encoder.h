/* Texts to token ids. One a thread: an encoder keeps what it has worked out before. */
#ifndef SIDMILL_BPE_ENCODER_H
#define SIDMILL_BPE_ENCODER_H

#include "bpe/ids.h"
#include "bpe/tokenizer.h"

typedef struct encoder encoder_t;

/* The tokenizer is borrowed. */
encoder_t *encoder_new(const tokenizer_t *t);
void encoder_free(encoder_t *e);

/* Appends the ids of a text, `n` bytes for which tokenizer_is_text() holds. Added tokens in it are found, special ones too; what a
 * file's post-processor would put around texts is not added. */
void encoder_add(encoder_t *e, const char *text, size_t n, ids_t *out);

#endif
