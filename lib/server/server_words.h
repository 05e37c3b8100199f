/* What a server says where it gives no answer: its message, wherever it puts it, and what follows from it. */
#ifndef SIDMILL_SERVER_SERVER_WORDS_H
#define SIDMILL_SERVER_SERVER_WORDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "server/model_json.h"

enum { SERVER_WORDS_MAX = 200 /* bytes of a message that are shown */ };

/* Zeroed: nothing was said. */
typedef struct {
    buf_t text;         /* one line of valid UTF-8, at most SERVER_WORDS_MAX bytes and "..." */
    int64_t status;     /* a number that stands for an HTTP status, whatever the reply's own; 0: none */
    bool repeats;       /* every request would be refused like this one: an unknown parameter, model or key */
    bool unfit;         /* the request will not do, however often it is sent: too large, or asking what the server cannot */
    bool too_large;     /* it is too large */
    bool wants_other_limit; /* max_tokens is not known there, or no longer */
} server_words_t;

/* Reads the body of an error reply, or of a reply with an error in it: JSON with `error`, `errors`, `detail`, `message` or
 * the like as a string, an object or an array, with or without an array around it; an error of the first of `choices`; or
 * plain text. Takes any bytes. */
server_words_t server_words(const char *reply, size_t n);

/* Appends what `said`, part of a text that passed json_check(), has to say: a string, an object with one of the keys that
 * messages have, an array of such. */
void server_words_of(buf_t *out, model_span_t said);

/* Brings a text to one line without control and format characters, cut to SERVER_WORDS_MAX bytes. What is not UTF-8 becomes
 * empty. */
void server_words_clean(buf_t *text);

void server_words_free(server_words_t *w);

#endif
