#include "bpe/added.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

void added_add(added_t *a, const char *text, size_t n, int32_t id)
{
    GROW(a->token, a->count, a->cap);
    a->token[a->count++] = (struct added_token){xstrndup(text, n), n, id};
    a->first[(unsigned char)*text] = true;
}

static int by_text(const void *x, const void *y)
{
    const struct added_token *a = x, *b = y;
    const int order = memcmp(a->text, b->text, a->length < b->length ? a->length : b->length);
    return order ? order : (a->length > b->length) - (a->length < b->length);
}

const char *added_sort(added_t *a)
{
    if (a->count) qsort(a->token, (size_t)a->count, sizeof *a->token, by_text);
    for (int i = 1; i < a->count; i++)
        if (!by_text(&a->token[i - 1], &a->token[i])) return a->token[i].text;
    return NULL;
}

/* Finds, among tokens [from, to) whose first `depth` bytes are alike, the first that has `byte` or a higher one there. */
static int lower(const added_t *a, int from, int to, size_t depth, int byte)
{
    while (from < to) {
        const int middle = from + (to - from) / 2;
        const struct added_token *t = &a->token[middle];
        if (t->length == depth || (unsigned char)t->text[depth] < byte) from = middle + 1;
        else to = middle;
    }
    return from;
}

/* Finds the longest token that the text begins with, narrowing them down a byte at a time. */
static const struct added_token *longest(const added_t *a, const char *text, size_t n)
{
    const struct added_token *found = NULL;
    int from = 0, to = a->count;
    for (size_t depth = 0; from < to; depth++) {
        if (a->token[from].length == depth) found = &a->token[from];
        if (depth == n) break;
        const int byte = (unsigned char)text[depth];
        from = lower(a, from, to, depth, byte);
        to = lower(a, from, to, depth, byte + 1);
    }
    return found;
}

const struct added_token *added_find(const added_t *a, const char *text, size_t n, size_t *at)
{
    for (; a->count && *at < n; (*at)++) {
        if (!a->first[(unsigned char)text[*at]]) continue;
        const struct added_token *found = longest(a, text + *at, n - *at);
        if (found) return found;
    }
    *at = n;
    return NULL;
}

void added_free(added_t *a)
{
    for (int i = 0; i < a->count; i++) free(a->token[i].text);
    free(a->token);
    *a = (added_t){0};
}
