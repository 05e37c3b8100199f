/* What is said to a model server and what it says back, as JSON. */
#ifndef SIDMILL_SERVER_MODEL_JSON_H
#define SIDMILL_SERVER_MODEL_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

/* One chat request: a system message and a user message, texts in UTF-8. */
typedef struct {
    const char *model;
    const char *system;          /* NULL: no system message */
    const char *user;            /* NULL: the picture alone */
    const void *image;           /* an image file's bytes, sent as a base64 data URL before the text; NULL: none */
    size_t image_size;
    const char *image_type;      /* "image/jpeg", "image/png" */
    int64_t max_tokens;          /* 0: the server's own limit */
    double temperature;          /* negative: the server's own */
    const char *response_format; /* JSON text; NULL: none */
} model_chat_t;

/* Appends the body of a /chat/completions request. The same chat gives the same bytes. */
void chat_body(buf_t *out, const model_chat_t *c);

/* Appends a JSON array of content parts: the picture as an image_url part, then the text. */
void model_content_parts(buf_t *out, const char *text, const void *image, size_t n, const char *type);

/* A span of JSON text. */
typedef struct {
    const char *text;  /* NULL: none */
    size_t n;
} model_span_t;

/* The value of the member `name` of the object that `object` spans, part of a text that passed json_check(). text NULL
 * where it is no object, has no such member, or has it twice. */
model_span_t json_member(model_span_t object, const char *name);

/* Steps through an array's elements: start with `element` zeroed; false after the last, or where it is no array. */
bool json_element(model_span_t array, model_span_t *element);

/* A text that passed json_check(), as a span without the blanks before it. */
model_span_t json_whole(const char *text, size_t n);

/* A string's text, its quotes and escapes undone; caller frees. NULL where it is no string. */
char *json_string(model_span_t value);

/* A number >= 0 without fraction, or -1. */
int64_t json_count(model_span_t value);

/* What a reply's body holds besides what belongs to streams, if to anything: "data:" before it, "data: [DONE]" behind it. */
model_span_t model_reply_body(const char *body, size_t n);

/* NULL if the bytes are UTF-8 and one strict JSON object, otherwise why not. */
const char *model_json_check(const char *reply, size_t n);

#endif
