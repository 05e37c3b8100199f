/* What a sandboxed worker (vision/sandbox.h) is made to do. */
#ifndef SIDMILL_VISION_SANDBOX_FN_H
#define SIDMILL_VISION_SANDBOX_FN_H

#include <stddef.h>

#include "base/buf.h"

/* The work, run in a worker, one request at a time: appends the answer to `reply` and returns NULL, or returns why it
 * refuses (the text becomes the request's error). Must not write to files or start threads; what it allocates and keeps
 * stays in that worker. The answer must depend on `ctx` and the request alone. */
typedef const char *(*sandbox_fn)(const void *ctx, const unsigned char *request, size_t n, buf_t *reply);

#endif
