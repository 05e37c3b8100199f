/* Writing tokenizer.json. */
#ifndef SIDMILL_BPE_TOKENIZER_WRITE_H
#define SIDMILL_BPE_TOKENIZER_WRITE_H

#include "base/buf.h"
#include "bpe/trainer.h"

/* Appends the file of what was trained, and special tokens, with the ids behind it but for those that were trained as well. */
void tokenizer_write(const trained_t *t, const pattern_t *pattern, bool nfc, const char *const *special, int specials, buf_t *out);

/* Appends the file of a tokenizer that has no tokens but the 256 bytes. */
void tokenizer_write_bytes(buf_t *out);

#endif
