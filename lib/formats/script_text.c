/* Recognises pieces of pages' scripts and style sheets that stand where text should. */
#include <ctype.h>
#include <string.h>

#include "formats/clean_text.h"

typedef struct {
    const char *s, *end;
} span_t;

static bool is_word(char c) { return isalnum((unsigned char)c) || c == '_' || c == '$'; }
static const char *skip_word(const char *p, const char *end)
{
    while (p < end && is_word(*p)) p++;
    return p;
}
static const char *skip_blanks(const char *p, const char *end)
{
    while (p < end && isspace((unsigned char)*p)) p++;
    return p;
}

/* Finds the next place behind `word` where it stands as a word of its own, from p on; NULL if there is none. */
static const char *behind_word(const char *p, span_t t, const char *word)
{
    size_t n = strlen(word);
    while (p < t.end && (p = memmem(p, (size_t)(t.end - p), word, n))) {
        bool starts = p == t.s || !is_word(p[-1]);
        p += n;
        if (starts && (p == t.end || !is_word(*p))) return p;
    }
    return NULL;
}

/* Looks for "var name =". */
static bool has_declaration(span_t t)
{
    for (const char *p = t.s; (p = behind_word(p, t, "var"));) {
        const char *name = skip_blanks(p, t.end), *end = skip_word(name, t.end), *sign = skip_blanks(end, t.end);
        if (name > p && end > name && sign < t.end && (*sign == '=' || *sign == ';')) return true;
    }
    return false;
}

/* Looks for "function (", "function name(" with the parentheses closed and a brace behind. */
static bool has_function(span_t t)
{
    for (const char *p = t.s; (p = behind_word(p, t, "function"));) {
        const char *open = skip_blanks(skip_word(skip_blanks(p, t.end), t.end), t.end);
        const char *close = open < t.end && *open == '(' ? memchr(open, ')', (size_t)(t.end - open)) : NULL;
        const char *brace = close ? skip_blanks(close + 1, t.end) : t.end;
        if (brace < t.end && *brace == '{') return true;
    }
    return false;
}

/* Looks for "window.name" and the like, without a blank. */
static bool has_member(span_t t, const char *object)
{
    for (const char *p = t.s; (p = behind_word(p, t, object));)
        if (t.end - p >= 2 && *p == '.' && isalpha((unsigned char)p[1])) return true;
    return false;
}

/* Looks for "name(...);": a call that is a statement. */
static bool has_statement(span_t t)
{
    for (const char *p = t.s; (p = memmem(p, (size_t)(t.end - p), ");", 2)); p += 2) {
        const char *open = memrchr(t.s, '(', (size_t)(p - t.s));
        if (open && open > t.s && is_word(open[-1])) return true;
    }
    return false;
}

/* Looks for ".name{" or "#name {" and a declaration "name:" behind. */
static bool has_style_rule(span_t t)
{
    for (const char *p = t.s; (p = memchr(p, '{', (size_t)(t.end - p)));) {
        const char *selector = p;
        while (selector > t.s && selector[-1] == ' ') selector--;
        while (selector > t.s && (is_word(selector[-1]) || selector[-1] == '-')) selector--;
        const char *name = skip_blanks(++p, t.end), *end = name;
        while (end < t.end && (islower((unsigned char)*end) || *end == '-')) end++;
        bool rule = selector > t.s && (selector[-1] == '.' || selector[-1] == '#') && !isdigit((unsigned char)*selector);
        if (rule && end > name && end < t.end && *end == ':') return true;
    }
    return false;
}

bool is_script(const char *s, size_t n)
{
    span_t t = {s, s + n};
    if (!memchr(s, '(', n) && !memchr(s, '{', n)) return false;
    int marks = has_declaration(t) + has_function(t) + has_statement(t) + has_member(t, "window") + has_member(t, "document") +
                (memmem(s, n, ".getTime(", 9) != NULL) + (memmem(s, n, "(new Date", 9) != NULL);
    return marks >= 2 || has_style_rule(t);
}
