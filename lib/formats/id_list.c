#include "formats/id_list.h"

#include <string.h>

static bool is_space(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }

enum { PAIRS = 3 };
static const char opening[] = "[({", closing[] = "])}";

/* Says what is wrong with brackets around the text: one that nothing in it closes, as in a cell that was cut to some length, or opens,
 * and braces, which are around sets, of no order, and around PostgreSQL's arrays; around one element they may belong to it. */
static const char *wrong_brackets(const char *s, size_t n)
{
    for (int i = 0; n && i < PAIRS; i++) {
        if (*s == opening[i] && !memchr(s, closing[i], n)) return "has a bracket that is not closed";
        if (s[n - 1] == closing[i] && !memchr(s, opening[i], n)) return "has a bracket that is not opened";
    }
    const bool braces = n && *s == '{' && memchr(s, '}', n) == s + n - 1;
    return braces && memchr(s, ',', n) ? "is in braces, as sets are, expected [...]" : NULL;
}

void id_list_start(id_list_t *l, const char *s, size_t n, const char *separator)
{
    const char *end = s + n;
    while (s < end && is_space(*s)) s++;
    while (s < end && is_space(end[-1])) end--;
    l->brackets = end - s >= 2 && ((*s == '[' && end[-1] == ']') || (*s == '(' && end[-1] == ')'));
    l->at = s + l->brackets;
    l->end = end - l->brackets;
    l->separator = separator;
    l->why = wrong_brackets(s, (size_t)(end - s));
}

/* Tells how many bytes at the list's place part two elements. */
static size_t separator_at(const id_list_t *l)
{
    if (!l->separator) return is_space(*l->at) || *l->at == ',' || *l->at == ';' || *l->at == '|';
    const size_t n = strlen(l->separator);
    return (size_t)(l->end - l->at) >= n && !memcmp(l->at, l->separator, n) ? n : 0;
}

/* Passes over what stands between elements. */
static void skip_separators(id_list_t *l)
{
    for (size_t n; l->at < l->end; l->at += n) {
        n = separator_at(l);
        if (!n) n = is_space(*l->at);
        if (!n) return;
    }
}

/* Reads an element in quotes, its escapes undone. */
static bool take_quoted(id_list_t *l)
{
    const char quote = *l->at++;
    buf_clear(&l->text);
    for (; l->at < l->end && *l->at != quote; l->at++) {
        if (*l->at == '\\' && l->at + 1 < l->end) l->at++;
        buf_add(&l->text, l->at, 1);
    }
    if (l->at == l->end) l->why = "has a quote that is not closed";
    else l->at++;
    return !l->why;
}

bool id_list_next(id_list_t *l, const char **id, size_t *n)
{
    static const char cut[] = "...", array[] = "array(";
    if (l->why) return false;
    skip_separators(l);
    if (l->at == l->end) return false;
    if (l->brackets && (*l->at == '\'' || *l->at == '"')) {
        if (!take_quoted(l)) return false;
        *id = l->text.data;
        *n = l->text.len;
        return true;
    }
    *id = l->at;
    while (l->at < l->end && !separator_at(l)) l->at++;
    *n = (size_t)(l->at - *id);
    while (is_space((*id)[*n - 1])) --*n;
    if (l->brackets && *n == strlen(cut) && !memcmp(*id, cut, *n)) l->why = "leaves elements out: \"...\"";
    if (*n >= strlen(array) && !memcmp(*id, array, strlen(array))) l->why = "holds arrays, expected ids";
    return !l->why;
}

void id_list_free(id_list_t *l) { buf_free(&l->text); }
