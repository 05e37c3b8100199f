/* Intents by language models on OpenAI-compatible servers (sidmill-methods(7), 1.2; several models: MLIM, 3; reasoning: MDIM,
 * 4). */
#ifndef SIDMILL_INTENT_INTENT_HTTP_H
#define SIDMILL_INTENT_INTENT_HTTP_H

#include "intent/intent_engine.h"
#include "intent/intent_reply.h"
#include "server/endpoints.h"

typedef struct {
    const char *task;     /* prompt_mine()'s; NULL: our own */
    intent_reply_form_t form;
    int64_t max_tokens;   /* of a reply */
    double temperature;   /* negative: the server's own */
} intent_http_options_t;

/* An engine that asks every one of the `count` endpoints (borrowed) about every item. The item's intents are what the one says
 * or, of several, what intents_merge() makes of all; the sources are the models' names. An item fails if one of the endpoints
 * gives no reply that intent_reply_read() takes: what was paid for the others is in the cache, and the same command asks the
 * missing one again. An item that has neither title nor description nor caption fails too. The endpoints' models must
 * differ: the cache knows an answer by its model. */
intent_engine_t *intent_http_new(const intent_http_options_t *o, endpoint_t *const *endpoints, int count);

#endif
