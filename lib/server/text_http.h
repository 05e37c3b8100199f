/* The text engine over an OpenAI-compatible /embeddings endpoint. */
#ifndef SIDMILL_SERVER_TEXT_HTTP_H
#define SIDMILL_SERVER_TEXT_HTTP_H

#include <stdint.h>

#include "server/model_client.h"
#include "text/text_engine.h"

/* An engine that sends an item's fields as one text, in their order, one a line, without their weights; `batch` items a
 * request. Where a batch fails, its items are asked for one by one, and those that fail again get a row of zeros and a
 * warning. The vectors are brought to length 1. The client stays the caller's. */
text_engine_t *text_http(model_client_t *client, const char *model, int64_t batch);

#endif
