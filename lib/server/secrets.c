#include "server/secrets.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

enum { LEAST = 8 /* bytes: shorter words are words of everybody's */ };

void secrets_add(secrets_t *s, const char *word, size_t n)
{
    GROW(s->words, s->count, s->cap);
    s->words[s->count++] = xstrndup(word, n);
}

void secrets_add_words(secrets_t *s, const char *text, const char *between)
{
    for (const char *p = text + strspn(text, between); *p; p += strspn(p, between)) {
        size_t n = strcspn(p, between);
        if (n >= LEAST) secrets_add(s, p, n);
        p += n;
    }
}

void secrets_hide(const secrets_t *s, char *text, size_t n)
{
    for (int i = 0; i < s->count; i++) {
        size_t len = strlen(s->words[i]);
        for (char *at = text; len && (at = memmem(at, n - (size_t)(at - text), s->words[i], len));) memset(at, '*', len);
    }
}

void secrets_free(secrets_t *s)
{
    for (int i = 0; i < s->count; i++) free(s->words[i]);
    free(s->words);
    *s = (secrets_t){0};
}
