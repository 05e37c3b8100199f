/* Pictures as they are sent to servers: decoded in a sandboxed worker (vision/sandbox.h) first, so that nothing but pictures ever
 * leaves the machine, and encoded anew where they are too large or of a kind that few servers know. */
#ifndef SIDMILL_VISION_SENDABLE_H
#define SIDMILL_VISION_SENDABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

typedef struct {
    int64_t max_pixels;  /* pixels_decode()'s limit */
    int max_side;        /* larger ones are shrunk so that the longer side has this many pixels */
    int64_t max_bytes;   /* larger files are encoded anew, and shrunk until they fit */
} sendable_limits_t;

/* A sandbox_fn with a sendable_limits_t as ctx. Answers with SENDABLE_AS_IS alone where the file, an upright JPEG or PNG within the
 * limits, can be sent as it is; otherwise with SENDABLE_JPEG and a JPEG's bytes. */
enum { SENDABLE_AS_IS = 'a', SENDABLE_JPEG = 'j' };
const char *sendable_check(const void *ctx, const unsigned char *bytes, size_t n, buf_t *reply);

/* What is to be sent; borrowed from the file or the worker's reply. */
typedef struct {
    const void *bytes;
    size_t n;
    const char *type;    /* "image/png" or "image/jpeg" */
} sendable_t;

/* Reads a worker's reply about `file`. False where it is nonsense: a worker that was taken over may say anything. */
bool sendable_read(const unsigned char *reply, size_t n, const buf_t *file, sendable_t *s);

#endif
