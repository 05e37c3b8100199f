#include "base/sha256.h"

#include <fcntl.h>
#include <nettle/sha2.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/progress.h"

enum { CHUNK = 1 << 18 };

void sha256_bytes(const void *bytes, size_t n, unsigned char *digest, size_t digest_n)
{
    struct sha256_ctx c;
    sha256_init(&c);
    sha256_update(&c, n, bytes);
    sha256_digest(&c, digest_n, digest);
}

void sha256_file(const char *path, char hex[SHA256_HEX + 1])
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) die_errno(EX_NOINPUT, "%s", path);
    struct sha256_ctx c;
    sha256_init(&c);
    uint8_t *chunk = xmalloc(CHUNK);
    ssize_t n;
    while ((n = read(fd, chunk, CHUNK)) > 0) {
        sha256_update(&c, (size_t)n, chunk);
        progress_add(n);
    }
    if (n < 0) die_errno(EX_IOERR, "%s", path);
    uint8_t digest[SHA256_DIGEST_SIZE];
    sha256_digest(&c, sizeof digest, digest);
    for (size_t i = 0; i < sizeof digest; i++) snprintf(hex + 2 * i, 3, "%02x", digest[i]);
    free(chunk);
    close(fd);
}

bool sha256_valid(const char *hex)
{
    return strlen(hex) == SHA256_HEX && strspn(hex, "0123456789abcdefABCDEF") == SHA256_HEX;
}
