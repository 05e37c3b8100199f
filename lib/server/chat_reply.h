/* What a /chat/completions reply says: its text without the reasoning before it, where it was cut off, or why there is none. */
#ifndef SIDMILL_SERVER_CHAT_REPLY_H
#define SIDMILL_SERVER_CHAT_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "server/model_json.h"

/* What the request said about the reply's length, for messages. */
typedef struct {
    int64_t max_tokens;  /* 0: unknown */
    const char *option;  /* that set it, such as "--max-tokens" */
} chat_limit_t;

typedef struct {
    char *text;          /* the answer: valid UTF-8, caller frees */
    const char *cut;     /* NULL: it is whole; otherwise where it was cut off, at the limit or where the server's context ended */
} chat_reply_t;

/* Reads `choices[0].message.content`, a string or an array of parts, of which those of text count. NULL; or why there is no
 * answer, and then nothing is to be freed: a reply of another form; a refusal; a content filter; reasoning alone, also in a
 * member of its own. What it returns, and `cut`, are valid until the next call in the same thread. Takes any bytes. */
const char *chat_reply_read(const char *reply, size_t n, chat_limit_t limit, chat_reply_t *out);

/* NULL if the reply has the endpoint's form, so that it is worth keeping, whatever it says: exactly one of `choices`, with a
 * message and no error; otherwise why not, as above. */
const char *chat_reply_check(const char *reply, size_t n);

/* The one choice's message, of a reply that chat_reply_check() takes. */
model_span_t chat_reply_message(const char *reply, size_t n);

/* True if the reply ended at a limit on its length. */
bool chat_reply_is_cut(const char *reply, size_t n);

#endif
