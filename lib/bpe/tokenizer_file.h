/* Reading tokenizer.json. */
#ifndef SIDMILL_BPE_TOKENIZER_FILE_H
#define SIDMILL_BPE_TOKENIZER_FILE_H

#include "base/in.h"
#include "bpe/model.h"

/* Reads a file's bytes, which it takes over, into a zeroed tokenizer, as tokenizer_load() does. */
void tokenizer_file_read(struct tokenizer *t, bytes_t bytes);

#endif
