/* What a tokenizer.json's post-processor puts around a text: the tokens that a language model expects there. */
#ifndef SIDMILL_BPE_FRAME_H
#define SIDMILL_BPE_FRAME_H

#include "bpe/ids.h"
#include "bpe/tokenizer.h"

typedef struct {
    ids_t before, after;
} frame_t;

/* Reads the frame of a single text from the file that `t` was loaded from: a TemplateProcessing, alone or in a Sequence; ByteLevel, which
 * changes no ids, and none are empty. Other post-processors, and ids that are no tokens, end the process with EX_DATAERR. */
frame_t frame_load(const char *path, const tokenizer_t *t);

/* The same of a file's bytes; `name` is what messages call it. */
frame_t frame_parse(const char *name, const void *bytes, size_t n, const tokenizer_t *t);
void frame_free(frame_t *f);

#endif
