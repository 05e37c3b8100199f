#include "serve/token.h"

#include <nettle/memops.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "base/sha256.h"

char *token_read(const char *path)
{
    const char *given = getenv("SIDMILL_TOKEN");
    if (!path) return given && *given ? xstrdup(given) : NULL;
    lines_t l = in_lines(path);
    if (!in_next(&l) || !l.len) die_at(l.name, 1, "empty, expected a token");
    char *token = xstrdup(l.line);
    in_close(&l);
    return token;
}

bool token_borne(const char *token, const char *authorization)
{
    static const char scheme[] = "Bearer ";
    unsigned char expected[32], found[32];
    if (!authorization || strncasecmp(authorization, scheme, strlen(scheme)) != 0) return false;
    const char *word = authorization + strlen(scheme);
    sha256_bytes(token, strlen(token), expected, sizeof expected);
    sha256_bytes(word, strlen(word), found, sizeof found);
    return memeql_sec(expected, found, sizeof expected);
}
