/* A request's body, beyond what the tool asks: members from the command line, and what is put in only on the way to the server, so
 * that it is no part of what an answer is known by. */
#ifndef SIDMILL_SERVER_MODEL_BODY_H
#define SIDMILL_SERVER_MODEL_BODY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

/* Checks the JSON object of --body; what is no object, or has a member that is not to be set, ends the process with EX_USAGE. */
void model_body_check(const char *members);

/* Puts the members of a JSON object that was checked (NULL: none) into `body`, in the place of its own of the same names. */
void model_body_add(buf_t *body, const char *members);

typedef struct {
    bool chat;              /* says that no stream is wanted */
    bool completion_limit;  /* max_tokens is called max_completion_tokens */
    int64_t seed;           /* counts from the body's own; 0: as the body has it */
} model_wire_t;

/* Replaces `out` by the body as it is sent. */
void model_body_wire(const buf_t *body, model_wire_t w, buf_t *out);

/* True if the body asks for what is the same every time: for embeddings, or with a temperature of 0. */
bool model_body_is_greedy(const buf_t *body, bool chat);

#endif
