/* One attempt at a request, inside net/fetch.h: what libcurl is told to send, the reply as it comes in, and what it came to. Which
 * attempt is made when, and at which host, fetch.c decides. */
#ifndef SIDMILL_NET_FETCH_ATTEMPT_H
#define SIDMILL_NET_FETCH_ATTEMPT_H

#include <curl/curl.h>

#include "base/buf.h"
#include "net/fetch_request.h"

/* Zero-initialise; used for many attempts and requests, with the same handle. */
typedef struct {
    CURL *easy;
    struct curl_slist *headers;
    const fetch_options_t *options;
    fetch_request_t request;
    buf_t reply, why;
    bool overlong;
    size_t ignored;      /* bytes of a body that nobody wants */
    bool began;          /* head() has seen the reply */
    bool refused;        /* by head() or sink(); `why` says why */
    fetch_result_t result;
    buf_t texts;         /* of result.head */
} fetch_attempt_t;

/* Takes on a request. `owner` is what the handle's CURLINFO_PRIVATE will be; the options are borrowed. */
void fetch_attempt_take(fetch_attempt_t *a, const fetch_options_t *o, const fetch_request_t *r, void *owner);

/* Sets the headers of the next attempt; asks range() for what is wanted now. */
void fetch_attempt_prepare(fetch_attempt_t *a);

/* Points the handle to a URL: the request's, or where it has been redirected. */
void fetch_attempt_aim(fetch_attempt_t *a, const char *url);

/* Says what the attempt came to, libcurl having ended it with `code`; FETCH_GAVE_UP and FETCH_NO_SERVER where another may do
 * better. Fills a->result but for its kind, why and retries; a->why says why, unless FETCH_OK. */
fetch_kind_t fetch_attempt_judge(fetch_attempt_t *a, CURLcode code);

void fetch_attempt_free(fetch_attempt_t *a);

#endif
