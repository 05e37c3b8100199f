#include "net/fetch_hosts.h"

#include <curl/curl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <uthash.h>
#include <utlist.h>

#include "base/err.h"
#include "base/mem.h"

typedef struct queued {
    fetch_request_t request;
    struct queued *prev, *next;
} queued_t;

struct fetch_host {
    char *key;                  /* scheme://name:port */
    int64_t under_way;
    int64_t failures;           /* in a row */
    double ready;               /* nothing is sent before */
    queued_t *queue;
    fetch_host_t *prev, *next;  /* hosts with a queue, the one whose turn it is first */
    UT_hash_handle hh;
};

struct fetch_hosts {
    int64_t per_host, most_failures;
    double interval;
    bool apart;                 /* hosts have queues of their own */
    fetch_host_t *all, *waiting;
};

fetch_hosts_t *fetch_hosts_open(const fetch_options_t *o)
{
    fetch_hosts_t *h = NEW(fetch_hosts_t);
    h->per_host = o->per_host;
    h->interval = o->host_interval;
    h->most_failures = o->host_failures;
    h->apart = h->per_host > 0 || h->interval > 0 || h->most_failures > 0;
    return h;
}

/* A URL that is none has the empty key; it fails when its turn comes. Caller frees. */
static char *host_key(const char *url)
{
    CURLU *u = curl_url();
    char *scheme = NULL, *name = NULL, *port = NULL;
    bool good = u && !curl_url_set(u, CURLUPART_URL, url, 0) && !curl_url_get(u, CURLUPART_SCHEME, &scheme, 0) &&
                !curl_url_get(u, CURLUPART_HOST, &name, 0) && !curl_url_get(u, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT);
    char *key = good ? xasprintf("%s://%s:%s", scheme, name, port) : xstrdup("");
    curl_free(scheme);
    curl_free(name);
    curl_free(port);
    curl_url_cleanup(u);
    return key;
}

fetch_host_t *fetch_hosts_find(fetch_hosts_t *h, const char *url)
{
    char *key = h->apart ? host_key(url) : xstrdup("");
    fetch_host_t *host;
    HASH_FIND_STR(h->all, key, host);
    if (host) {
        free(key);
        return host;
    }
    host = NEW(fetch_host_t);
    host->key = key;
    HASH_ADD_KEYPTR(hh, h->all, host->key, strlen(host->key), host);
    return host;
}

void fetch_hosts_add(fetch_hosts_t *h, const fetch_request_t *request)
{
    fetch_host_t *host = fetch_hosts_find(h, request->url);
    queued_t *q = NEW(queued_t);
    q->request = *request;
    if (!host->queue) DL_APPEND(h->waiting, host);
    DL_APPEND(host->queue, q);
}

static bool has_place(const fetch_hosts_t *h, const fetch_host_t *host)
{
    return h->per_host <= 0 || host->under_way < h->per_host;
}

double fetch_hosts_ready(const fetch_hosts_t *h, const fetch_host_t *host, bool placed)
{
    return placed || has_place(h, host) ? host->ready : INFINITY;
}

void fetch_hosts_enter(const fetch_hosts_t *h, fetch_host_t *host, bool placed, double now)
{
    host->under_way += !placed;
    host->ready = now + h->interval;
}

fetch_host_t *fetch_hosts_take(fetch_hosts_t *h, double now, fetch_request_t *request)
{
    fetch_host_t *host;
    DL_FOREACH(h->waiting, host)
        if (fetch_hosts_lost(h, host) || (has_place(h, host) && host->ready <= now)) break;
    if (!host) return NULL;
    queued_t *q = host->queue;
    DL_DELETE(host->queue, q);
    *request = q->request;
    free(q);
    fetch_hosts_enter(h, host, false, now);
    DL_DELETE(h->waiting, host);
    if (host->queue) DL_APPEND(h->waiting, host);
    return host;
}

void fetch_hosts_end(fetch_host_t *host) { host->under_way--; }

void fetch_hosts_count(fetch_host_t *host, bool given_up) { host->failures = given_up ? host->failures + 1 : 0; }

bool fetch_hosts_lost(const fetch_hosts_t *h, const fetch_host_t *host)
{
    return h->most_failures > 0 && host->failures >= h->most_failures;
}

void fetch_hosts_pause(fetch_host_t *host, double until) { host->ready = fmax(host->ready, until); }

double fetch_hosts_due(const fetch_hosts_t *h)
{
    double due = INFINITY;
    const fetch_host_t *host;
    DL_FOREACH(h->waiting, host)
        if (fetch_hosts_lost(h, host)) due = 0;
        else due = fmin(due, fetch_hosts_ready(h, host, false));
    return due;
}

void fetch_hosts_close(fetch_hosts_t *h)
{
    fetch_host_t *host, *next;
    HASH_ITER(hh, h->all, host, next) {
        HASH_DEL(h->all, host);
        queued_t *q, *after;
        DL_FOREACH_SAFE(host->queue, q, after) free(q);
        free(host->key);
        free(host);
    }
    free(h);
}
