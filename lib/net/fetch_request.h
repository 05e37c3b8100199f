/* What net/fetch.h is asked for, and what comes back. */
#ifndef SIDMILL_NET_FETCH_REQUEST_H
#define SIDMILL_NET_FETCH_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    FETCH_MAX_JOBS = 512,
    FETCH_MAX_WAIT = 120,     /* seconds between two attempts, whatever Retry-After says */
    FETCH_MAX_REDIRECTS = 5,
    FETCH_STALLED = 100       /* bytes a second: a slower reply stands still */
};

typedef struct {
    int jobs;                /* requests under way at once, those waiting to be sent again included */
    int64_t max_retries;     /* attempts after the first */
    double first_wait;       /* seconds; doubles up to 30 */
    double connect_timeout;  /* seconds for one attempt's connection */
    double timeout;          /* seconds for one attempt in all; 0: as long as it takes */
    double stall_timeout;    /* seconds that a reply may stand still; 0: any time */
    size_t max_reply;        /* bytes in memory */
    int64_t per_host;        /* requests under way at once to one host (scheme, name and port); 0: any number */
    double host_interval;    /* least seconds between the starts of two to one host, repeated and redirected ones included */
    double connect_interval; /* least seconds between two new connections: some servers are slow to take many at once */
    int64_t host_failures;   /* so many requests in a row to one host given up: its others fail unsent; 0: never */

    /* Called after replies have come in and before their done(): one place to make them safe. NULL: none. */
    void (*flush)(void *ctx);
    void *ctx;
} fetch_options_t;

typedef enum {
    FETCH_OK,        /* a 2xx reply that check() took */
    FETCH_REFUSED,   /* a status that will not get better: 3xx, 4xx but those above, 501; or refused by may_pass(), head() or sink() */
    FETCH_GAVE_UP,   /* retries used up */
    FETCH_NO_SERVER, /* the same, and the last attempt made no connection; or unsent, because of its host's failures */
    FETCH_UNUSABLE   /* no attempt can succeed: a certificate that does not verify, a URL that is none */
} fetch_kind_t;

/* What a reply's head says: -1 and "" where it says nothing. */
typedef struct {
    int status;
    int64_t length;             /* of the body that follows */
    int64_t first, total;       /* Content-Range: the body's first byte, and the length of the whole */
    const char *type;           /* Content-Type */
    const char *etag, *last_modified;
    const char *url;            /* the one that answered, redirects followed */
} fetch_head_t;

/* The part of a file that is wanted: from byte `from` (0: all of it) to its end, if `validator` (an ETag or a Last-Modified;
 * NULL: unconditional) still describes the file; otherwise all of it. The server may send all of it in any case. */
typedef struct {
    int64_t from;
    const char *validator;      /* borrowed until the attempt ends */
} fetch_range_t;

/* What became of a request. Everything is valid until done() returns. */
typedef struct {
    fetch_kind_t kind;
    fetch_head_t head;   /* of the last attempt's reply */
    int status;          /* HTTP status of the last attempt, 0: none */
    char *body;          /* its body as far as it came, NUL-terminated; may be overwritten; empty with a sink() */
    size_t n;
    const char *why;     /* unless FETCH_OK: one line, the same for the same cause */
    int64_t retries;     /* attempts after the first */
    double seconds;      /* the last attempt's duration */
} fetch_result_t;

typedef struct {
    const char *url;             /* borrowed until done(), like the next three */
    const char *const *headers;  /* NULL-terminated, "Name: value"; NULL: none */
    const void *body;            /* NULL: GET, otherwise POST */
    size_t n;
    uint64_t key;                /* of the random waits */
    bool once;                   /* sent once, whatever max_retries says */
    bool follow;                 /* redirects, FETCH_MAX_REDIRECTS at most and never from https to http; not with headers or a body */

    /* Looks at a 2xx reply's body (NUL-terminated, may be changed): NULL, or why it is no good and is to be asked for again,
     * a text that is static or lasts until the next call. NULL: every 2xx reply is good. */
    const char *(*check)(void *ctx, char *body, size_t n);
    /* Asked where a reply would make for another attempt, by its status or by check(): false ends the request as FETCH_REFUSED.
     * NULL: as above. */
    bool (*may_pass)(void *ctx, int status, const char *body, size_t n);
    void (*done)(void *ctx, const fetch_result_t *result);  /* called once, from fetch_poll(); may send */

    /* All may be NULL. range() is asked before every attempt. head() sees a 2xx reply's head before its body, sink() the body's
     * pieces; either may return why the reply is not wanted, a text that lasts until the next call: the request ends as FETCH_REFUSED. */
    fetch_range_t (*range)(void *ctx);
    const char *(*head)(void *ctx, const fetch_head_t *head);
    const char *(*sink)(void *ctx, const char *bytes, size_t n);
    void *ctx;
} fetch_request_t;

#endif
