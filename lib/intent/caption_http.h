/* The `http` caption engine: what a vision-language model on an OpenAI-compatible server sees in a picture
 * (sidmill-methods(7), 1.1). */
#ifndef SIDMILL_INTENT_CAPTION_HTTP_H
#define SIDMILL_INTENT_CAPTION_HTTP_H

#include <stddef.h>
#include <stdint.h>

#include "intent/caption_engine.h"
#include "server/model_client.h"

typedef struct {
    const char *question; /* what the model is asked; NULL: our own words, for visible facts only. Borrowed. */
    int64_t max_tokens;   /* of a reply */
    double temperature;   /* negative: the server's own */
    int max_side;         /* pictures with longer sides are shrunk to so many pixels */
    int64_t max_send;     /* bytes; larger files are encoded anew */
} caption_http_options_t;

/* Starts the workers, and the client of `server` (model_client_open()). Items without a picture get no caption; labels are not
 * used. */
caption_engine_t *caption_http(const caption_limits_t *limits, const caption_http_options_t *o, const model_client_options_t *server);

/* Reads the caption in a /chat/completions reply: UTF-8, on one line, not empty, at most CAPTION_MAX_LENGTH bytes, and whole. NULL,
 * and `*caption` is the caller's to free; or why the reply has none, valid until the next call. `max_tokens`: of the request. */
const char *caption_reply(const char *reply, size_t n, int64_t max_tokens, char **caption);

#endif
