/* The regular expressions that cut texts into words, through PCRE2. Files write them for Oniguruma: what the two read alike is taken,
 * white space is translated, and what they might read differently is refused. */
#ifndef SIDMILL_BPE_PATTERN_H
#define SIDMILL_BPE_PATTERN_H

#include <stdbool.h>
#include <stddef.h>

/* Patterns that models share; the scanner (bpe/scanner.h) knows them. */
typedef enum { PATTERN_GPT2, PATTERN_LLAMA3, PATTERN_QWEN2, PATTERN_GPT4O, PATTERN_OTHER } pattern_kind_t;

typedef struct {
    char *text;
    struct pcre2_real_code_8 *code;
    pattern_kind_t kind;
    bool only_matches;   /* the file would drop what lies between matches: it may not be there */
} pattern_t;

/* Compiles a pattern of `n` bytes of UTF-8; `literal`: it stands for itself. Returns NULL, or why it is refused (caller frees). */
char *pattern_compile(pattern_t *p, const char *text, size_t n, bool literal);
void pattern_free(pattern_t *p);

/* The name of a shared pattern, NULL behind the last; and its text. */
const char *pattern_name(pattern_kind_t kind);
const char *pattern_text(pattern_kind_t kind);

#endif
