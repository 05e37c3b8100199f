/* What the server is told and nobody else is: the API key, headers from a file, the query of the address. */
#ifndef SIDMILL_SERVER_SECRETS_H
#define SIDMILL_SERVER_SECRETS_H

#include <stddef.h>

/* Zero-initialise. */
typedef struct {
    char **words;
    int count, cap;
} secrets_t;

/* Adds a word as it stands. */
void secrets_add(secrets_t *s, const char *word, size_t n);

/* Adds the words of a text, parted by any of the bytes of `between`, that are long enough to be a secret. */
void secrets_add_words(secrets_t *s, const char *text, const char *between);

/* Overwrites them with asterisks wherever they stand in the `n` bytes. */
void secrets_hide(const secrets_t *s, char *text, size_t n);

void secrets_free(secrets_t *s);

#endif
