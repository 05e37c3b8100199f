/* Says which token stands for what in a generator's vocabulary: the beginning of a history, codes by level, suffixes; and where it
 * has texts, markers and a tokenizer's tokens. */
#ifndef SIDMILL_DATA_VOCAB_H
#define SIDMILL_DATA_VOCAB_H

#include <stdint.h>

#include "data/sids.h"

typedef struct {
    int levels, codes, max_suffix;
    int32_t bos;          /* begins a history */
    int32_t first_code;   /* level l, code c -> first_code + l * codes + c */
    int32_t first_suffix; /* suffix s -> first_suffix + s */
    int32_t first_marker; /* of a vocabulary that has texts: VOCAB_MARKERS of them; else, as all below, 0 */
    int32_t end;          /* ends a text */
    int32_t first_text;   /* a tokenizer's token i -> first_text + i, right behind `end` */
    int32_t text;         /* so many of these */
    int32_t size;         /* tokens in all */
} vocab_t;

/* Markers: what parts an input from its output, what parts texts, then one for each task that has a text. */
enum { VOCAB_SEPARATOR, VOCAB_NEXT, VOCAB_TASK, VOCAB_MARKERS = VOCAB_TASK + 7 };

/* Lays out the ranges, one behind the other. Sizes that no vocabulary can have end the process with EX_DATAERR. */
vocab_t vocab_make(int levels, int codes, int max_suffix);

/* Adds markers and a tokenizer's `text` tokens behind the SIDs'. More than a vocabulary can have ends the process with EX_DATAERR. */
void vocab_add_text(vocab_t *v, int64_t text);

/* The tokens of a level (the suffixes are level `levels`): *first and those after it; returns their number. */
int32_t vocab_level(const vocab_t *v, int level, int32_t *first);

/* The tokens of item i's SID; returns their number, levels or levels + 1. `out` holds SID_MAX_TOKENS. */
int vocab_sid(const vocab_t *v, const sids_t *s, int64_t item, int32_t *out);

/* A token as tokenizers of language models spell it, a text's excepted: code 12 of the first level <a_12>, of the second <b_12>, and so
 * on, a suffix as a code of the level behind the last; the others by what they do, as <|history|>. `name` holds VOCAB_NAME. */
enum { VOCAB_NAME = 24 };
void vocab_name(const vocab_t *v, int32_t token, char *name);

#endif
