/* The word that a client must know. */
#ifndef SIDMILL_SERVE_TOKEN_H
#define SIDMILL_SERVE_TOKEN_H

#include <stdbool.h>

/* The token: a file's first line, or where `path` is NULL $SIDMILL_TOKEN; NULL if neither is there. A file without one ends the process
 * with EX_DATAERR. Caller frees. */
char *token_read(const char *path);

/* Whether a header "Authorization", NULL for none, bears the token; in a time that does not tell how much of it is right. */
bool token_borne(const char *token, const char *authorization);

#endif
