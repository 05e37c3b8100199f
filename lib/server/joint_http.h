/* Joint image-text vectors from an embedder on a server that takes pictures (sidmill-methods(7), 4). Pictures are decoded in
 * sandboxed workers first, so that nothing but pictures ever leaves the machine. */
#ifndef SIDMILL_SERVER_JOINT_HTTP_H
#define SIDMILL_SERVER_JOINT_HTTP_H

#include <stdint.h>

#include "server/model_client.h"
#include "text/text_engine.h"

typedef struct joint_http joint_http_t;

/* Starts the workers; image paths count from `folder` (borrowed). Pictures with a side longer than `max_side` are shrunk. */
joint_http_t *joint_http_open(const char *folder, int max_side);

/* Where to send, before the first item; the client stays the caller's. */
void joint_http_connect(joint_http_t *j, model_client_t *client, const char *model);

/* The next item: its fields, sent as one text, one a line, without their weights; and its picture, `path` NULL for none.
 * What is not there is left out; so is a picture that cannot be used, with a warning. An item without both gets a row of
 * zeros. */
void joint_http_add(joint_http_t *j, const text_part_t *parts, int count, const char *path);

/* The vectors [items, *dim], as embedding_rows_take() gives them, caller frees; and the xxh3-128 of the pictures' bytes,
 * in hex, caller frees. */
float *joint_http_finish(joint_http_t *j, int64_t *dim, char **digest);

void joint_http_free(joint_http_t *j);

#endif
