/* The worker's side of vision/sandbox.h, and the messages between the two sides. */
#ifndef SIDMILL_VISION_SANDBOX_WORKER_H
#define SIDMILL_VISION_SANDBOX_WORKER_H

#include <stdint.h>
#include <sys/types.h>

#include "vision/sandbox_fn.h"

/* Before every request (status unused) and reply. */
typedef struct {
    uint64_t length;  /* of the bytes that follow */
    uint64_t status;  /* SANDBOX_OK: the answer; SANDBOX_REFUSED: a text */
} sandbox_header_t;

enum { SANDBOX_OK = 0, SANDBOX_REFUSED = 1 };

/* In the forked child: gives up what a worker must not have, and answers requests from `channel` until it is closed. It
 * dies with `parent`. */
_Noreturn void sandbox_work(int channel, pid_t parent, size_t memory, sandbox_fn fn, const void *ctx);

#endif
