#define PCRE2_CODE_UNIT_WIDTH 8
#include "bpe/splitter.h"

#include <pcre2.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "bpe/scanner.h"

struct splitter {
    const pattern_t *patterns;
    int count;
    const char *name;
    classes_t *classes;
    pcre2_match_context *context;
    pcre2_jit_stack *stack;
    pcre2_match_data *match;
    word_fn word;
    void *ctx;
};

splitter_t *splitter_new(const pattern_t *patterns, int count, const char *name)
{
    enum { STACK = 1 << 15, MOST_STACK = 1 << 24 };
    splitter_t *s = NEW(splitter_t);
    *s = (splitter_t){.patterns = patterns, .count = count, .name = name, .classes = classes_new()};
    s->context = pcre2_match_context_create(NULL);
    s->stack = pcre2_jit_stack_create(STACK, MOST_STACK, NULL);
    s->match = pcre2_match_data_create(1, NULL);
    if (!s->context || !s->match) die(EX_OSERR, "out of memory");
    if (s->stack) pcre2_jit_stack_assign(s->context, NULL, s->stack);
    return s;
}

void splitter_free(splitter_t *s)
{
    if (!s) return;
    classes_free(s->classes);
    pcre2_match_context_free(s->context);
    pcre2_jit_stack_free(s->stack);
    pcre2_match_data_free(s->match);
    free(s);
}

static void split(splitter_t *s, int level, const char *text, size_t n);

static void give(splitter_t *s, int level, const char *from, const char *to)
{
    if (from == to) return;
    if (level == s->count) s->word(s->ctx, from, (size_t)(to - from));
    else split(s, level, from, (size_t)(to - from));
}

static void scan_all(splitter_t *s, int level, const char *text, size_t n)
{
    const pattern_kind_t kind = s->patterns[level].kind;
    for (const char *p = text, *end = text + n, *to; p < end; p = to) {
        to = scan(kind, s->classes, p, end);
        give(s, level + 1, p, to);
    }
}

/* Finds the next match from `from` on; false where there is none. */
static bool find(splitter_t *s, const pattern_t *p, const char *text, size_t n, size_t from, size_t *begin, size_t *end)
{
    const int found = pcre2_match(p->code, (PCRE2_SPTR)text, n, from, PCRE2_NO_UTF_CHECK, s->match, s->context);
    if (found == PCRE2_ERROR_NOMATCH) return false;
    if (found < 0) {
        char why[128];
        pcre2_get_error_message(found, (PCRE2_UCHAR *)why, sizeof why);
        die_at(s->name, 0, "pre_tokenizer: the pattern gives up on a text: %s", why);
    }
    const PCRE2_SIZE *span = pcre2_get_ovector_pointer(s->match);
    *begin = span[0];
    *end = span[1];
    return true;
}

static void match_all(splitter_t *s, int level, const char *text, size_t n)
{
    const pattern_t *p = &s->patterns[level];
    for (size_t at = 0, begin, end; at < n; at = end) {
        if (!find(s, p, text, n, at, &begin, &end)) begin = end = n;
        if (begin > at && p->only_matches)
            die_at(s->name, 0, "pre_tokenizer: the pattern does not match '%.*s', which the file would drop",
                   begin - at < 40 ? (int)(begin - at) : 40, text + at);
        give(s, level + 1, text + at, text + begin);
        give(s, level + 1, text + begin, text + end);
    }
}

static void split(splitter_t *s, int level, const char *text, size_t n)
{
    if (s->patterns[level].kind == PATTERN_OTHER) match_all(s, level, text, n);
    else scan_all(s, level, text, n);
}

void splitter_run(splitter_t *s, const char *text, size_t n, word_fn word, void *ctx)
{
    s->word = word;
    s->ctx = ctx;
    give(s, 0, text, text + n);
}
