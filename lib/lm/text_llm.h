/* The text engine over a pretrained decoder: texts by the state in which it leaves them, as Qwen3-Embedding does (Zhang et al. 2025, arXiv
 * 2506.05176). */
#ifndef SIDMILL_LM_TEXT_LLM_H
#define SIDMILL_LM_TEXT_LLM_H

#include "nn/backend.h"
#include "text/text_engine.h"

/* What a text's vector is made of: the last token's state, or the mean over all tokens'. */
typedef enum { POOL_LAST, POOL_MEAN } pool_t;
extern const char *const pool_names[]; /* for CLI_CHOICE */

typedef struct {
    const char *folder;      /* lm/backbone.h */
    const backend_t *backend;
    const char *instruction; /* stands before every text, as "Instruct: ...\nQuery:"; NULL: nothing does */
    pool_t pool;
    int64_t tokens;          /* of a text at most, those of the tokenizer's frame included; what is beyond is cut off */
    const char *cache;       /* where vectors are kept, as answers_open() takes it: a run that was killed goes on where it was */
} text_llm_options_t;

/* Opens the engine; what is wrong with the folder ends the process, see backbone_open(), as do more tokens than the model has positions
 * for (EX_USAGE). An item's fields are one text, a line each. Vectors depend on which texts stand next to each other in
 * the last digits, and not on threads, ranks or what was kept. */
text_engine_t *text_llm(const text_llm_options_t *o);

/* The digest of what an engine was opened with, borrowed. */
const char *text_llm_digest(const text_engine_t *e);

#endif
