/* The HTTP of a server: libmicrohttpd takes connections, limits what they may do, and gives orders to the queue. */
#ifndef SIDMILL_SERVE_HTTP_H
#define SIDMILL_SERVE_HTTP_H

#include "serve/edition.h"
#include "serve/meter.h"
#include "serve/queue.h"

typedef struct {
    order_limits_t order;
    int64_t body;        /* bytes of a request's body */
    int64_t seconds;     /* after which a connection on which no request ends is cut */
    int64_t connections; /* at once; more wait in the system */
    const char *token;   /* NULL: none is asked for. Borrowed */
} http_options_t;

typedef struct http http_t;

/* Serves on a socket, which it takes over, with threads of its own. Borrows the rest. */
http_t *http_start(const http_options_t *o, int socket, current_t *current, queue_t *queue, meter_t *meter);

/* Takes no more connections, and returns when every request that has begun is answered, or its time is over. */
void http_drain(http_t *h);

/* Ends it: after http_drain(), and when the queue answers nothing any more. */
void http_stop(http_t *h);

#endif
