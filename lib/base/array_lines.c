#include "base/array_lines.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/peek.h"

typedef struct {
    byte_source_t base, *inner;
    int depth;       /* of brackets that are open, the array's own included; 0: before or behind it */
    char quote;      /* of the string that is open, or 0 */
    bool escaped;    /* the character before was a backslash within one */
    bool begun;
} array_t;

static bool is_break(char c) { return c == '\n' || c == '\r'; }

/* What stands for a character outside of strings. */
static char outside(array_t *a, char c)
{
    if (c == '"' || c == '\'') a->quote = c;
    if (c == '[' || c == '{') {
        a->depth++;
        if (!a->begun) {
            a->begun = true;
            return ' ';
        }
    } else if ((c == ']' || c == '}') && a->depth) {
        if (--a->depth == 0) return '\n';
    }
    if (c == ',' && a->depth == 1) return '\n';
    return is_break(c) ? ' ' : c;
}

static char within(array_t *a, char c)
{
    if (a->escaped) a->escaped = false;
    else if (c == '\\') a->escaped = true;
    else if (c == a->quote) a->quote = 0;
    return is_break(c) ? ' ' : c;
}

static ssize_t array_read(byte_source_t *s, void *to, size_t n)
{
    array_t *a = (array_t *)s;
    const ssize_t got = a->inner->read(a->inner, to, n);
    a->base.why = a->inner->why;
    if (!got && a->begun && a->depth) {
        a->base.why = "the array is not closed: it is cut off, or a bracket or a quote within it is open";
        return -1;
    }
    char *bytes = to;
    for (ssize_t i = 0; i < got; i++) bytes[i] = a->quote ? within(a, bytes[i]) : outside(a, bytes[i]);
    return got;
}

static void array_close(byte_source_t *s)
{
    array_t *a = (array_t *)s;
    a->inner->close(a->inner);
    free(a);
}

byte_source_t *array_lines(byte_source_t *source)
{
    peek_t *p = peek(source);
    size_t at = p->n >= 3 && !memcmp(p->first, "\xef\xbb\xbf", 3) ? 3 : 0;
    while (at < p->n && strchr(" \t\r\n", p->first[at]) && p->first[at]) at++;
    if (at == p->n || p->first[at] != '[') return &p->base;
    p->at = at;
    array_t *a = NEW(array_t);
    a->base = (byte_source_t){.read = array_read, .close = array_close};
    a->inner = &p->base;
    return &a->base;
}
