/* XXH3 digests of 128 bits as text. */
#ifndef SIDMILL_BASE_DIGEST_H
#define SIDMILL_BASE_DIGEST_H

#include <xxhash.h>

/* 32 hex digits, as xxh128sum(1) prints them. Caller frees. */
char *digest_hex(XXH128_hash_t h);

#endif
