/* SHA-256 (FIPS 180-4), by libnettle: for checksums that others publish, and for names that nobody can make collide. */
#ifndef SIDMILL_BASE_SHA256_H
#define SIDMILL_BASE_SHA256_H

#include <stdbool.h>
#include <stddef.h>

enum { SHA256_HEX = 64 };

/* The digest's first `digest_n` bytes, 32 at most. */
void sha256_bytes(const void *bytes, size_t n, unsigned char *digest, size_t digest_n);

/* The digest of a file's contents, which progress_add() counts, in lower-case hex with a NUL. A file that cannot be read ends the
 * process. */
void sha256_file(const char *path, char hex[SHA256_HEX + 1]);

/* True for 64 hex digits, of either case. */
bool sha256_valid(const char *hex);

#endif
