/* A tokenizer of byte-level byte-pair encoding, read from Hugging Face's tokenizer.json. Nothing changes it: any number of threads may
 * use one, each with an encoder of its own (bpe/encoder.h).
 *
 *     tokenizer_t *t = tokenizer_load("tokenizer.json");
 *     encoder_t *e = encoder_new(t);
 *     encoder_add(e, text, strlen(text), &ids);
 *     tokenizer_decode(t, ids.id, ids.count, &out);
 *     encoder_free(e);
 *     tokenizer_free(t); */
#ifndef SIDMILL_BPE_TOKENIZER_H
#define SIDMILL_BPE_TOKENIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

typedef struct tokenizer tokenizer_t;

/* Reads a file (NULL or "-": standard input), packed or not. What is malformed, and what would change the ids and is not supported,
 * ends the process with EX_DATAERR; tokenize(1) is the specification. */
tokenizer_t *tokenizer_load(const char *path);
void tokenizer_free(tokenizer_t *t);

/* The number of ids: one more than the highest. Some may stand for no token. */
int32_t tokenizer_size(const tokenizer_t *t);

/* The bytes of a token, not NUL-terminated, *n of them; NULL for an id that stands for none. */
const char *tokenizer_piece(const tokenizer_t *t, int32_t id, size_t *n);

/* The id of the token that is exactly these bytes, -1 where there is none; added ones go first, as in a text. */
int32_t tokenizer_id(const tokenizer_t *t, const char *piece, size_t n);

/* True for an added token that the file calls special. */
bool tokenizer_is_special(const tokenizer_t *t, int32_t id);

/* Appends the bytes of tokens, which need be no text where `ids` are a part of one. Returns the number that were decoded: `count`, or
 * where the first id stands that stands for none. */
size_t tokenizer_decode(const tokenizer_t *t, const int32_t *ids, size_t count, buf_t *out);

/* True if `n` bytes are valid UTF-8; unlike utf8_valid(), with NUL. */
bool tokenizer_is_text(const char *text, size_t n);

/* Appends what is in the file, in lines for people: size, merges, patterns, added tokens. */
void tokenizer_describe(const tokenizer_t *t, buf_t *out);

#endif
