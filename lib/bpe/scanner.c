#include "bpe/scanner.h"

#include <stdbool.h>
#include <string.h>
#include <unicode/utf8.h>

typedef struct {
    classes_t *classes;
    const char *end;
} scan_t;

/* What stands at a place: its class, and behind it. Nothing is there at the end. */
typedef struct {
    uint8_t class;
    const char *behind;
} sign_t;

static inline sign_t sign_at(const scan_t *t, const char *s)
{
    if ((signed char)*s >= 0) return (sign_t){t->classes->page[0][(unsigned char)*s], s + 1};
    int32_t c, n = 0;
    U8_NEXT_UNSAFE(s, n, c);
    return (sign_t){class_of(t->classes, c), s + n};
}

/* Passes over characters of any of these classes, `most` at most. */
static inline const char *pass(const scan_t *t, const char *s, uint8_t classes, int most)
{
    while (most-- && s < t->end) {
        const sign_t sign = sign_at(t, s);
        if (!(sign.class & classes)) break;
        s = sign.behind;
    }
    return s;
}

enum { ALL = -1 };

/* Passes over characters that are neither letters nor numbers nor spaces. */
static inline const char *pass_signs(const scan_t *t, const char *s)
{
    while (s < t->end) {
        const sign_t sign = sign_at(t, s);
        if (sign.class & CLASS_KNOWN) break;
        s = sign.behind;
    }
    return s;
}

static bool is_class(const scan_t *t, const char *s, uint8_t classes) { return s < t->end && (sign_at(t, s).class & classes); }

/* Passes over 's, 't, 're, 've, 'm, 'll and 'd; where `folded`, also in capitals, and with the long s, which is the only character
 * beyond ASCII that folds to one of these letters. */
static const char *contraction(const scan_t *t, const char *s, bool folded)
{
    char next[3] = {0};
    const size_t left = (size_t)(t->end - s);
    if (*s != '\'' || left < 2) return s;
    for (size_t i = 0; i < 2 && i + 1 < left; i++)
        next[i] = folded && s[1 + i] >= 'A' && s[1 + i] <= 'Z' ? (char)(s[1 + i] + 'a' - 'A') : s[1 + i];
    if (strchr("stmd", next[0]) && next[0]) return s + 2;
    if (!strcmp(next, "re") || !strcmp(next, "ve") || !strcmp(next, "ll")) return s + 3;
    return folded && !memcmp(next, "\xc5\xbf", 2) ? s + 3 : s;
}

/* \s*[\r\n]+|\s+(?!\S)|\s+, or without the first; one space or more is there. */
static const char *spaces(const scan_t *t, const char *s, bool breaks)
{
    const char *last = s, *behind_break = NULL, *p = s;
    while (p < t->end) {
        const sign_t sign = sign_at(t, p);
        if (!(sign.class & CLASS_SPACE)) break;
        last = p;
        p = sign.behind;
        if (sign.class & CLASS_BREAK) behind_break = p;
    }
    if (breaks && behind_break) return behind_break;
    return p == t->end || last == s ? p : last;
}

/* Signs with one blank before them, and behind them `tail`; `s` itself where there are none. */
static const char *signs(const scan_t *t, const char *s, uint8_t tail)
{
    const char *from = s + (*s == ' '), *to = pass_signs(t, from);
    return to == from ? s : pass(t, to, tail, ALL);
}

static const char *scan_gpt2(const scan_t *t, const char *s)
{
    const char *p = contraction(t, s, false), *from = s + (*s == ' ');
    if (p > s) return p;
    if ((p = pass(t, from, CLASS_LETTER, ALL)) > from) return p;
    if ((p = pass(t, from, CLASS_NUMBER, ALL)) > from) return p;
    p = signs(t, s, 0);
    return p > s ? p : spaces(t, s, false);
}

static const char *scan_words(const scan_t *t, const char *s, int digits)
{
    const char *p = contraction(t, s, true);
    if (p > s) return p;
    const sign_t first = sign_at(t, s);
    if (first.class & CLASS_LETTER) return pass(t, first.behind, CLASS_LETTER, ALL);
    if (first.class & CLASS_NUMBER) return pass(t, s, CLASS_NUMBER, digits);
    if (!(first.class & CLASS_BREAK) && (p = pass(t, first.behind, CLASS_LETTER, ALL)) > first.behind) return p;
    p = signs(t, s, CLASS_BREAK);
    return p > s ? p : spaces(t, s, true);
}

/* [capitals]*[small]+: capitals take what they can and give back up to the last that may be small as well. NULL: none. */
static const char *ends_small(const scan_t *t, const char *s)
{
    const char *p = s, *back = NULL;
    while (p < t->end) {
        const sign_t sign = sign_at(t, p);
        if (!(sign.class & CLASS_CAPITAL)) break;
        p = sign.behind;
        if (sign.class & CLASS_SMALL) back = p;
    }
    return is_class(t, p, CLASS_SMALL) ? pass(t, p, CLASS_SMALL, ALL) : back;
}

/* [capitals]+[small]*; NULL: none. */
static const char *begins_capital(const scan_t *t, const char *s)
{
    const char *p = pass(t, s, CLASS_CAPITAL, ALL);
    return p > s ? pass(t, p, CLASS_SMALL, ALL) : NULL;
}

static const char *scan_gpt4o(const scan_t *t, const char *s)
{
    const sign_t first = sign_at(t, s);
    const char *prefixed = first.class & (CLASS_BREAK | CLASS_LETTER | CLASS_NUMBER) ? s : first.behind;
    const char *p = ends_small(t, prefixed);
    if (!p) p = ends_small(t, s);
    if (!p) p = begins_capital(t, prefixed);
    if (!p) p = begins_capital(t, s);
    if (p) return p < t->end ? contraction(t, p, true) : p;
    if (first.class & CLASS_NUMBER) return pass(t, s, CLASS_NUMBER, 3);
    p = signs(t, s, CLASS_BREAK | CLASS_SLASH);
    return p > s ? p : spaces(t, s, true);
}

const char *scan(pattern_kind_t kind, classes_t *c, const char *s, const char *end)
{
    const scan_t t = {c, end};
    switch (kind) {
    case PATTERN_GPT2: return scan_gpt2(&t, s);
    case PATTERN_LLAMA3: return scan_words(&t, s, 3);
    case PATTERN_QWEN2: return scan_words(&t, s, 1);
    case PATTERN_GPT4O: return scan_gpt4o(&t, s);
    case PATTERN_OTHER: break;
    }
    return end;
}
