/* What a tokenizer is made of; for the files of this room. */
#ifndef SIDMILL_BPE_MODEL_H
#define SIDMILL_BPE_MODEL_H

#include "base/buf.h"
#include "bpe/added.h"
#include "bpe/merges.h"
#include "bpe/splitter.h"
#include "data/strtab.h"

enum { TOKEN_MAX_ID = (1 << 22) - 1, TOKEN_MAX_BYTES = 1 << 16 };

typedef struct {
    int64_t at;        /* into `bytes`; -1: the id stands for no token */
    int32_t length;
    bool added, special;
} piece_t;

struct tokenizer {
    char *name;                /* the file's, for messages */
    strtab_t spellings;        /* the vocabulary in GPT-2's alphabet, indexed */
    int32_t *spelling_id;      /* by row */
    piece_t *piece;            /* [size] by id */
    int32_t size;
    buf_t bytes;
    merges_t merges;
    int32_t byte_id[256];
    bool whole_words;          /* a word that is a token is that token, whatever the merges: ignore_merges */
    bool prefix_space;         /* a text that does not begin with a blank gets one */
    bool nfc;
    pattern_t patterns[MAX_PATTERNS];
    int pattern_count;
    added_t raw, normal;       /* added tokens: looked for in the text as it is; in what that becomes by normalisation */
};

#endif
