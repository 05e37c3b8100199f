/* A tokenizer.json with more tokens than it had. */
#ifndef SIDMILL_BPE_TOKENIZER_EXTEND_H
#define SIDMILL_BPE_TOKENIZER_EXTEND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* A token to add; decoders may be told to leave special ones out. */
typedef struct {
    char *text;
    bool special;
} more_token_t;

/* Appends the tokenizer.json whose `n` bytes are given, with `count` tokens more, which have the ids from tokenizer_size() on, as others'
 * readers give them. A file that is malformed, or has one of them already, ends the process with EX_DATAERR; `name` is what
 * messages call it. */
void tokenizer_extend(const char *name, const void *json, size_t n, const more_token_t *more, int64_t count, buf_t *out);

#endif
