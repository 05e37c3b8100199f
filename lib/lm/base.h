/* Which base a generator stands on: a folder (lm/backbone.h), what was added to it, and how a model/1 file says so, in metadata `base`:
 * {"folder":"...","digest":"...","lora":{"rank":16,"alpha":32,"targets":"q,k,v,o,gate,up,down"}}. */
#ifndef SIDMILL_LM_BASE_H
#define SIDMILL_LM_BASE_H

#include <stdbool.h>

#include "data/st.h"
#include "lm/backbone.h"

typedef struct {
    char *folder, *digest; /* digest NULL: not known yet; folder NULL: a model has left it */
    adapter_t adapter;     /* its tokens are not in metadata: the vocabulary says them */
    backbone_t *backbone;  /* once it is open */
} base_t;

/* Reads a file's metadata; false where it has none. What is malformed ends the process with EX_DATAERR. */
bool base_read(const st_file_t *f, base_t *b);

/* Opens the folder and returns the model, which needs it open; where the environment has SIDMILL_BASE and a digest is known, that
 * folder in its place. A missing folder ends the process with EX_NOINPUT, one of another digest with EX_DATAERR; `name` is what messages
 * call the model. */
model_t *base_open(base_t *b, const char *name);

/* Returns a model of its own (lm/whole.h) in place of the one that base_open() gave, which is freed, and forgets the folder, whose weights
 * are closed; tokenizer and digest stay. */
model_t *base_leave(base_t *b, model_t *on, bool sparse);

/* As metadata. Caller frees. */
char *base_json(const base_t *b);

void base_free(base_t *b);

#endif
