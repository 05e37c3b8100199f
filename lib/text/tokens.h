/* Words and n-grams of a text in any script: Unicode NFKC, full case folding, words by general category. */
#ifndef SIDMILL_TEXT_TOKENS_H
#define SIDMILL_TEXT_TOKENS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* Longer words are cut to this many code points. */
enum { WORD_MAX = 64 };

typedef struct {
    int64_t start;  /* into tokens_t.cp */
    int32_t length; /* code points, 1 to WORD_MAX */
    bool follows;   /* stands in one phrase with the word before it: a word n-gram may span both */
    bool solitary;  /* a sign that is a word by itself (ideograph, emoji ...): it has no character n-grams */
} tokens_word_t;

/* A text taken apart. Zero-initialise, reuse for many texts, free at the end. */
typedef struct {
    int32_t *cp;    /* [length] folded code points */
    int64_t length, cp_cap;
    tokens_word_t *words; /* [count] in text order */
    int64_t count, words_cap;
} tokens_t;

/* Takes `n` bytes of valid UTF-8 apart, replacing what `t` held. Text is folded first: NFKC, full case folding (Unicode's
 * NFKC_Casefold), invisible characters dropped; trade mark signs and zero-width spaces count as spaces. A word is a maximal
 * run of letters, marks and numbers; a full stop or comma between two digits belongs to it ("1.7"). Signs of scripts that
 * put no spaces between words (Han, kana, Thai, Lao, Khmer, Burmese, Tibetan) and emoji are words one by one. Spaces,
 * dashes, apostrophes, underscores, '&' and '+' leave the words around them in one phrase; any other punctuation, and the
 * end of a line, ends the phrase. */
void tokens_split(tokens_t *t, const char *text, size_t n);

/* Undoes what NFKC does to the vowel am of Thai and Lao, which is written as one sign: its number where the `left` code points begin
 * with its two parts, else 0. */
int32_t tokens_vowel_am(const int32_t *cp, int32_t left);

/* Appends word `i` as UTF-8. */
void tokens_word(const tokens_t *t, int64_t i, buf_t *out);

typedef enum { NGRAM_WORDS, NGRAM_CHARS, NGRAM_KINDS } ngram_kind_t;

typedef struct {
    int words;              /* longest word n-gram, in words; 0: none */
    int char_min, char_max; /* code points of a character n-gram, the marks of the word's ends counted; max 0: none */
} ngram_options_t;

/* Calls emit() for every n-gram of the text, in text order, with a 64-bit hash (xxh3) that stands for it. Word n-grams stay
 * within a phrase, character n-grams within a word whose ends are marked, so that "<ca" differs from "ca". */
typedef void (*ngram_fn)(void *ctx, ngram_kind_t kind, uint64_t hash);
void tokens_ngrams(const tokens_t *t, const ngram_options_t *o, ngram_fn emit, void *ctx);

void tokens_free(tokens_t *t);

#endif
