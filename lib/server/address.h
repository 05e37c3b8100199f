/* Where a model server is and how one speaks to it: addresses, headers, and what of them is secret. */
#ifndef SIDMILL_SERVER_ADDRESS_H
#define SIDMILL_SERVER_ADDRESS_H

#include "server/secrets.h"

typedef struct {
    char *base;          /* without slashes at its end, and without the query: what messages name */
    char *query;         /* "?..." as it stands, or "" */
    char **headers;      /* NULL-terminated: "Name: value" */
    secrets_t secrets;
} address_t;

/* Reads a base such as http://127.0.0.1:8080/v1, which may have a query, and a file of headers, one a line (NULL: none). The key is
 * taken from $SIDMILL_API_KEY, else $OPENAI_API_KEY, unless the file has an Authorization header. Warns of secrets that would leave the
 * machine unencrypted. What is wrong ends the process with EX_USAGE, in the file with EX_DATAERR. */
address_t address_read(const char *url, const char *headers);

/* The address of one of the base's paths, such as "/embeddings"; to show it: without the query. Caller frees. */
char *address_of(const address_t *a, const char *path);
char *address_shown(const address_t *a, const char *path);

/* What to say where the server denies access. */
const char *address_key_hint(const address_t *a);

void address_free(address_t *a);

#endif
