/* Vectors from an OpenAI-compatible /embeddings endpoint: the requests' JSON, the replies read strictly, and the rows that
 * come in any order. */
#ifndef SIDMILL_SERVER_EMBEDDING_REPLY_H
#define SIDMILL_SERVER_EMBEDDING_REPLY_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "text/text_engine.h"

/* Appends the body for `count` texts, which are embedded one by one. */
void embedding_body(buf_t *out, const char *model, char *const *texts, int64_t count);

/* Appends the body for one text with one picture, embedded together; either may be NULL. The form is vLLM's for chat
 * embeddings: `messages` with one user message in place of `input`. */
void embedding_joint_body(buf_t *out, const char *model, const char *text, const void *image, size_t n, const char *type);

/* Reads the vectors of a reply to `count` inputs: `data` must hold, in any order, exactly the indices 0 to count - 1,
 * each with an `embedding` of finite numbers that are not all zero, all as wide. Returns them as [count, *dim], caller
 * frees; or NULL and why not in `*why`, a static text. Takes any bytes. */
float *embedding_read(const char *reply, size_t n, int64_t count, int64_t *dim, const char **why);

/* An item's fields as one text: those there are, one a line. Replaces `out`. */
void embedding_text(const text_part_t *parts, int count, buf_t *out);

/* Rows that fill in any order. Zeroed: none. */
typedef struct {
    float *x;           /* [cap, dim] */
    int64_t cap, dim;   /* dim 0: no vector has come yet */
    int64_t count;      /* rows asked for */
    int64_t empty;      /* of them, without anything to embed */
    int64_t failed;     /* of them, that got no vector */
    char *error;        /* of the first that failed, by row */
    int64_t error_row;
} embedding_rows_t;

/* Sets row `row` to a vector, brought to length 1. Another width than before ends the process (EX_PROTOCOL). */
void embedding_rows_set(embedding_rows_t *r, int64_t row, const float *v, int64_t dim);
void embedding_rows_fail(embedding_rows_t *r, int64_t row, const char *why);

/* The rows [count, *dim], zero where none was set, and a warning about those; caller frees. Leaves no rows, and keeps the
 * width. Ends the process where no row at all was ever set: with EX_DATAERR if there was nothing to embed, EX_UNAVAILABLE
 * otherwise. `what` names the vectors. */
float *embedding_rows_take(embedding_rows_t *r, int64_t *dim, const char *what);

#endif
