/* HTTP: many requests in flight from one thread, over connections that are kept alive.
 *
 * A request is sent again, after a wait that doubles, where it may succeed later: no connection, a connection cut, no
 * reply in time, a reply too long, HTTP 408, 425, 429 and 5xx but 501, and a 2xx reply that its check() refuses. The wait is half
 * to all of first_wait * 2^k, by a random number that depends on the request's key alone, and at least what the server's
 * Retry-After asks for, up to FETCH_MAX_WAIT. Redirects are followed only where the request says so; certificates are
 * verified; $https_proxy and its like are honoured except for loopback addresses; $SSL_CERT_FILE replaces the system's
 * certificates.
 *
 * A reply's body comes in memory, or piece by piece through the request's sink(). In memory it is unpacked where it came packed
 * (gzip, deflate, br, zstd, as far as libcurl knows them). */
#ifndef SIDMILL_NET_FETCH_H
#define SIDMILL_NET_FETCH_H

#include "net/fetch_request.h"

typedef struct fetch fetch_t;

fetch_t *fetch_open(const fetch_options_t *options);

/* Takes a request; it is sent now if fewer than `jobs` are under way and its host may be asked, otherwise when its turn comes:
 * each host's in the order of their coming, the hosts in turn. */
void fetch_send(fetch_t *f, const fetch_request_t *request);

bool fetch_has_room(const fetch_t *f);   /* fewer than `jobs` requests are unfinished */
bool fetch_busy(const fetch_t *f);       /* some request is unfinished */
int64_t fetch_unfinished(const fetch_t *f);

/* Moves everything forward, for at most `seconds` or until a request was done; returns whether one was. */
bool fetch_poll(fetch_t *f, double seconds);

/* No more requests will come, or `last` false: they may. As long as none will and none waits to be sent, a connection is closed when
 * its request ends, so that a server with few threads has them for the others. */
void fetch_last(fetch_t *f, bool last);

void fetch_close(fetch_t *f);            /* requests still under way are dropped without a call */

#endif
