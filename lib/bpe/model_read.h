/* Reading tokenizer.json. */
#ifndef SIDMILL_BPE_MODEL_READ_H
#define SIDMILL_BPE_MODEL_READ_H

#include "bpe/model.h"

/* Reads a file into a zeroed tokenizer, as tokenizer_load() does. */
void model_read(struct tokenizer *t, const char *path);

#endif
