/* Base64 (RFC 4648), for bytes inside text. */
#ifndef SIDMILL_BASE_BASE64_H
#define SIDMILL_BASE_BASE64_H

#include "base/buf.h"

/* Appends `n` bytes as base64 in one line, padded. */
void base64_add(buf_t *out, const void *bytes, size_t n);

#endif
