/* A client of OpenAI-compatible model servers: many requests in flight, retries, and a cache, so that a run that was
 * killed and is started again sends no finished request twice. sidmill-http(7) is the manual of the options.
 *
 *     model_client_t *c = model_client_open(&model_client_options);
 *     for (each item) {
 *         while (!model_client_has_room(c)) model_client_wait(c);
 *         buf_t body = {0};
 *         chat_body(&body, &(model_chat_t){.model = model_client_options.model, .user = ..., .max_tokens = 100});
 *         model_client_send(c, MODEL_CHAT, &body, accept, done, item);
 *     }
 *     model_client_drain(c);
 *     model_client_close(c);  // notes the counts
 */
#ifndef SIDMILL_SERVER_MODEL_CLIENT_H
#define SIDMILL_SERVER_MODEL_CLIENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cli.h"

typedef struct {
    cli_list_t urls;         /* the base, such as http://127.0.0.1:8080/v1; several: a pool of servers (server/pool.h) */
    const char *model;
    int64_t jobs;            /* requests in flight */
    int64_t max_retries;     /* of a request that failed; and, counted apart, of one whose replies were refused */
    int64_t give_up;         /* requests in a row without an answer after which no more are sent; 0: any number */
    double max_failures;     /* share of the items that may stay without an answer */
    double retry_wait, connect_timeout, timeout;  /* seconds, as fetch_options_t has them */
    const char *cache;       /* answers_open()'s path */
    size_t max_reply;        /* bytes; 0: 4 MiB */
    const char *body;        /* JSON object: its members go into every request's body; NULL: none */
    const char *headers;     /* a file of headers, one a line; NULL: none */
    bool ask_again;          /* also what did not fit before */
} model_client_options_t;

/* The options as the command line gave them, with their defaults. A tool puts the rows into its table; one with several
 * endpoints has rows of its own for those, and copies the rest. */
extern model_client_options_t model_client_options;

#define MODEL_CLIENT_ENDPOINT                                                                                                \
    OPT_LIST('u', "url", "URL", &model_client_options.urls, "http: the server's base, e.g. http://127.0.0.1:8080/v1"),        \
    CONFIG_STRING(0, "model", "NAME", &model_client_options.model, "http: the model's name there")
#define MODEL_CLIENT_OPTIONS                                                                                                 \
    OPT_INT(0, "jobs", "N", &model_client_options.jobs, 1, 512, "http: requests in flight"),                                 \
    OPT_INT(0, "max-retries", "N", &model_client_options.max_retries, 0, 100, "http: send again up to N times"),             \
    OPT_REAL(0, "retry-wait", "SECONDS", &model_client_options.retry_wait, 0.001, 30,                                        \
             "http: the first wait before that; it doubles"),                                                                \
    OPT_REAL(0, "max-failures", "SHARE", &model_client_options.max_failures, 0, 1,                                           \
             "http: of the items; if more fail, so does the run"),                                                           \
    OPT_INT(0, "give-up", "N", &model_client_options.give_up, 0, 1000000000, "http: stop after N in a row; 0: never"),       \
    OPT_REAL(0, "connect-timeout", "SECONDS", &model_client_options.connect_timeout, 0.001, 3600, "http: for a connection"), \
    OPT_REAL(0, "timeout", "SECONDS", &model_client_options.timeout, 0.001, 86400, "http: for a reply, in all"),             \
    OPT_STRING(0, "cache", "FILE", &model_client_options.cache, "answers kept; none: not kept [~/.cache/sidmill]"),    \
    OPT_FLAG(0, "ask-again", &model_client_options.ask_again, "http: send again what was too large before"),                 \
    CONFIG_STRING(0, "body", "JSON", &model_client_options.body, "http: more members of a request, {\"top_p\":0.9}"),        \
    OPT_STRING(0, "headers", "FILE", &model_client_options.headers, "http: headers to send, one a line")

typedef enum { MODEL_CHAT /* /chat/completions */, MODEL_EMBEDDINGS /* /embeddings */ } model_path_t;

typedef struct model_client model_client_t;

/* Checks the options: a missing or wrong url, model or body ends the process with EX_USAGE. The API key, the headers and the
 * address's query go to the server (address_read()) and nowhere else. */
model_client_t *model_client_open(const model_client_options_t *options);

/* Looks at a reply: strict JSON in UTF-8, of the path's form (chat: chat_reply_check() takes it; embeddings: an object
 * with an array `data`); `reply` is NUL-terminated. Returns NULL, or why its content is refused, static or valid until
 * the next call; then the request is sent anew, with another seed. Must depend on the request and the reply alone. */
typedef const char *(*model_accept_fn)(void *ctx, const char *reply, size_t n);

/* Called once a request. `error` NULL: the accepted reply; otherwise one line of valid UTF-8 that says why there is none,
 * and reply is NULL. Both are valid until the call returns. May send. */
typedef void (*model_done_fn)(void *ctx, const char *reply, size_t n, const char *error);

/* Sends a request, whose body (JSON text) it takes over and empties. `done` may be called before this returns: where the
 * answer is in the cache. Of requests with the same body under way only one is sent, and all get its answer. `accept`
 * NULL: all are accepted.
 *
 * The cache knows an answer by model, path, body, and the number of replies refused before it, so that replies that were
 * refused are not asked for twice either. A refused reply is not asked for again where the same would come back: at temperature 0, and
 * of embeddings, if it was cut off or says the same as the one before. Failures are not kept, but for requests that the server
 * finds too large: ask_again asks it anew.
 *
 * The process ends, with what was answered safe in the cache: with EX_NOPERM on HTTP 401 and 403; with EX_UNAVAILABLE on 402, 404,
 * 405 and redirects, on other refusals that every request would get (an unknown parameter or model), on certificates that do not
 * verify, where the first request finds no server, and after give_up requests in a row that ended without any reply. After as many
 * that the server or accept() refused, those that follow end with an error at once, unless the cache has their answers. */
void model_client_send(model_client_t *c, model_path_t path, buf_t *body, model_accept_fn accept, model_done_fn done,
                       void *ctx);

/* Counts an item about which was asked, for model_client_close(); `error` NULL: it has an answer. */
void model_client_item(model_client_t *c, const char *error);

bool model_client_has_room(const model_client_t *c); /* fewer than `jobs` requests are unfinished */
bool model_client_busy(const model_client_t *c);     /* some request is unfinished */

/* Returns once at least one request is done; at once if none is under way. */
void model_client_wait(model_client_t *c);

/* The same for at most `seconds` (0: looks, does not wait); for callers with other things to wait for. */
void model_client_poll(model_client_t *c, double seconds);

/* No more requests will come but those that done() sends: connections that are not needed any more are closed. */
void model_client_last(model_client_t *c);

/* The same until all is done; then more may come. */
void model_client_drain(model_client_t *c);

typedef struct {
    int64_t requests;      /* asked for by model_client_send() */
    int64_t cached;        /* of them, answered from the cache alone */
    int64_t unasked;       /* of them, not sent, because they were too large before or the client has given up */
    int64_t joined;        /* of them, that got the answer of an equal request under way */
    int64_t sent;          /* HTTP requests, retries included */
    int64_t retries;       /* of them, after a failure */
    int64_t refused;       /* replies that accept() refused, from the server or the cache */
    int64_t failed;        /* requests that ended with an error */
    int64_t prompt_tokens, completion_tokens; /* of the replies that came from the server */
    double seconds;        /* from the first request sent to the last reply */
} model_client_stats_t;

model_client_stats_t model_client_stats(const model_client_t *c);

/* Notes the counts, unless nothing was asked; requests still under way are dropped without a call. Ends the process with
 * EX_UNAVAILABLE where none of the items got an answer, more than max_failures of them got none, or the client gave up: to be
 * called when the output is written. */
void model_client_close(model_client_t *c);

#endif
