/* Requests that wait for their turn, a queue for each host: so that no host gets more at once, or sooner, than is polite, and
 * a busy one holds up no other. A part of fetch.c. */
#ifndef SIDMILL_NET_FETCH_HOSTS_H
#define SIDMILL_NET_FETCH_HOSTS_H

#include "net/fetch_request.h"

typedef struct fetch_hosts fetch_hosts_t;
typedef struct fetch_host fetch_host_t;

/* Without the options that concern hosts, all requests wait in one queue. */
fetch_hosts_t *fetch_hosts_open(const fetch_options_t *o);

void fetch_hosts_add(fetch_hosts_t *h, const fetch_request_t *request);

/* The host behind a URL: where a request is redirected to. */
fetch_host_t *fetch_hosts_find(fetch_hosts_t *h, const char *url);

/* Takes out a request whose host may be asked at the moment `now` (of seconds_now()), the hosts in turn; returns the host, for
 * fetch_hosts_end() when the request is over, or NULL where there is none. */
fetch_host_t *fetch_hosts_take(fetch_hosts_t *h, double now, fetch_request_t *request);
void fetch_hosts_end(fetch_host_t *host);

/* The same for a request that is not queued any more: at its next attempt, or redirected to this host. `placed`: it is under way
 * here already, as far as fetch_hosts_end() is concerned. The first moment at which it may be sent, infinity as long as others
 * must end first; and that it is. */
double fetch_hosts_ready(const fetch_hosts_t *h, const fetch_host_t *host, bool placed);
void fetch_hosts_enter(const fetch_hosts_t *h, fetch_host_t *host, bool placed, double now);

/* Counts a request's end. True where so many in a row were given up that the host's others need not be sent. */
void fetch_hosts_count(fetch_host_t *host, bool given_up);
bool fetch_hosts_lost(const fetch_hosts_t *h, const fetch_host_t *host);

/* Nothing more for this host before the moment `until`. */
void fetch_hosts_pause(fetch_host_t *host, double until);

/* The first moment at which fetch_hosts_take() gives something, as long as no request ends; infinity: never. */
double fetch_hosts_due(const fetch_hosts_t *h);

void fetch_hosts_close(fetch_hosts_t *h);

#endif
