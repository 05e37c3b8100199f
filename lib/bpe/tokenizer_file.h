/* Reading tokenizer.json. */
#ifndef SIDMILL_BPE_TOKENIZER_FILE_H
#define SIDMILL_BPE_TOKENIZER_FILE_H

#include "bpe/model.h"

/* Reads a file into a zeroed tokenizer, as tokenizer_load() does. */
void tokenizer_file_read(struct tokenizer *t, const char *path);

#endif
