/* Servers of one model: a request goes to the least busy of those that answer, and one that does not is left alone for a while. */
#ifndef SIDMILL_SERVER_POOL_H
#define SIDMILL_SERVER_POOL_H

#include "base/cli.h"
#include "server/address.h"

enum { POOL_PATHS = 2 };

typedef struct {
    address_t address;
    char *url[POOL_PATHS], *shown[POOL_PATHS]; /* by path; for messages */
    int64_t under_way;
    double rest, awake; /* seconds that it rests next time; the moment until which it does */
} server_t;

typedef struct {
    server_t *servers;
    int count;
} pool_t;

/* Reads the addresses, each as address_read() does and with the same headers; `paths` [POOL_PATHS]. None ends the process with
 * EX_USAGE, as does one that is there twice. */
pool_t pool_open(const cli_list_t *urls, const char *headers, const char *const *paths);
void pool_free(pool_t *p);

/* Counts a request to the server that has the fewest under way, the first of equals; of those that rest, if all do, the one that wakes
 * first. Another than `but`, if there is one (NULL: any). */
server_t *pool_take(pool_t *p, const server_t *but);

/* Ends one; `answered`: the server has said something. One that has not rests, 5 seconds at first and each time twice as long, up to 5
 * minutes, which is said if there are others. */
void pool_done(const pool_t *p, server_t *s, bool answered);

/* Blots the secrets of all servers out of a text of n bytes. */
void pool_hide(const pool_t *p, char *text, size_t n);

#endif
