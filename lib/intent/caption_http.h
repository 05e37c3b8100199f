/* The `http` caption engine: what a vision-language model on an OpenAI-compatible server sees in a picture
 * (sidmill-methods(7), 1.1). */
#ifndef SIDMILL_INTENT_CAPTION_HTTP_H
#define SIDMILL_INTENT_CAPTION_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { CAPTION_MAX_LENGTH = 2000 /* bytes */ };

/* How pictures are sent. */
typedef struct {
    int64_t max_pixels;  /* pixels_decode()'s limit */
    int max_side;        /* larger ones are shrunk so that the longer side has this many pixels */
    int64_t max_bytes;   /* larger files are encoded anew, and shrunk until they fit */
} caption_picture_t;

/* A sandbox_fn with a caption_picture_t as ctx: checks that a picture can be decoded, so that nothing else is ever sent
 * anywhere. Answers with CAPTION_AS_IS alone where the file, a JPEG or PNG within the limits, can be sent as it is;
 * otherwise with CAPTION_JPEG and a JPEG's bytes. */
enum { CAPTION_AS_IS = 'a', CAPTION_JPEG = 'j' };
const char *caption_picture(const void *ctx, const unsigned char *bytes, size_t n, buf_t *reply);

/* "image/png" or "image/jpeg", by the file's first bytes. */
const char *caption_picture_type(const void *bytes, size_t n);

/* What the model is asked, unless the user has a prompt of their own: visible facts only. */
const char *caption_prompt(void);

/* The caption in a /chat/completions reply: UTF-8, on one line, not empty, at most CAPTION_MAX_LENGTH bytes; where the
 * model was cut off by its token limit, up to the end of its last whole sentence. Caller frees. NULL where the reply has
 * none, with why in `*why`, a static text. */
char *caption_reply(const char *reply, size_t n, const char **why);

#endif
