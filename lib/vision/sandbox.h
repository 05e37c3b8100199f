/* Worker processes that run a function on untrusted bytes. A worker that crashes, hangs, takes too much or answers nonsense
 * costs its one request: it is killed, the request ends with an error, and a new worker takes its place.
 *
 * A worker holds no file but the channel to its parent. It is bounded in processor time and wall-clock time a request (by
 * the parent, everywhere), in address space (off the sanitizers) and, where libseccomp was there at build time (off the
 * sanitizers), to the system calls that computing and allocating need: no files, no network, no processes, no new
 * executable memory.
 *
 *     sandbox_t *s = sandbox_open(&(sandbox_options_t){0}, describe, &settings);
 *     for (each picture) {
 *         while (!sandbox_has_room(s)) sandbox_wait(s);
 *         sandbox_send(s, bytes, n, done, ctx);
 *     }
 *     while (sandbox_busy(s)) sandbox_wait(s);
 *     sandbox_close(s);
 */
#ifndef SIDMILL_VISION_SANDBOX_H
#define SIDMILL_VISION_SANDBOX_H

#include <stdbool.h>
#include <stddef.h>

#include "vision/sandbox_fn.h"

typedef struct {
    int workers;        /* processes; 0: as many as parallel_workers() */
    double seconds;     /* wall-clock limit a request; 0: 60 */
    double cpu_seconds; /* processor time a request, rounded up to whole seconds; 0: 20 */
    size_t memory;      /* bytes that a worker may map beyond what it starts with; 0: 1 GiB */
    size_t max_reply;   /* longer replies are errors; 0: 64 MiB */
} sandbox_options_t;

/* Called once a request, in the parent, from within sandbox_wait(). `error` NULL: `reply` holds `n` bytes, valid until the
 * call returns; still untrusted, since a worker that was taken over can answer anything. Otherwise `error` says, in valid
 * UTF-8 on one line, why there is no reply, also valid until the call returns. May call sandbox_send(). */
typedef void (*sandbox_done)(void *ctx, const unsigned char *reply, size_t n, const char *error);

typedef struct sandbox sandbox_t;

/* Starts the workers; `ctx` and what it points to are as they are now, for workers that are started later as well: do not
 * change them. Call before other threads are started and before files are opened where that can be arranged. */
sandbox_t *sandbox_open(const sandbox_options_t *options, sandbox_fn fn, const void *ctx);

/* True if a worker is free. */
bool sandbox_has_room(const sandbox_t *s);

/* True while requests are unanswered. */
bool sandbox_busy(const sandbox_t *s);

/* Hands a copy of the request to a free worker; waits for one if there is none. */
void sandbox_send(sandbox_t *s, const void *request, size_t n, sandbox_done done, void *ctx);

/* Returns once at least one request has ended and its `done` was called; at once if none is under way. */
void sandbox_wait(sandbox_t *s);

/* The same for at most `seconds` (0: looks, does not wait); for callers with other things to wait for. */
void sandbox_poll(sandbox_t *s, double seconds);

/* Ends the workers; requests still under way are dropped without a call. */
void sandbox_close(sandbox_t *s);

#endif
