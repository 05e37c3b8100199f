/* Labels for intents by a language model: one request a descriptor (sidmill-methods(7), 1.3). */
#ifndef SIDMILL_INTENT_JUDGE_HTTP_H
#define SIDMILL_INTENT_JUDGE_HTTP_H

#include "intent/intent_engine.h"
#include "server/endpoints.h"

/* A judge that asks `endpoint` (borrowed) about every descriptor of an item, shown with the item's evidence, and takes nothing
 * but 0 or 1 for an answer. If one of them gets none, the item gets no labels; what was answered is in the cache.
 * `task`: prompt_judge()'s, NULL: our own; `max_tokens`: of a reply; `temperature` negative: the server's own. */
intent_judge_t *judge_http_new(const char *task, int64_t max_tokens, double temperature, endpoint_t *endpoint);

#endif
