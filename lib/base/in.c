#include "base/in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/err.h"
#include "base/mem.h"

static bool is_stdin(const char *path) { return !path || !strcmp(path, "-"); }

static unsigned char *read_all(int fd, const char *name, size_t *len)
{
    unsigned char *data = NULL;
    size_t cap = 0;
    *len = 0;
    for (;;) {
        if (*len == cap) {
            cap = cap ? size_mul(cap, 2) : 1 << 16;
            data = xreallocarray(data, cap, 1);
        }
        ssize_t n = read(fd, data + *len, cap - *len);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) die_errno(EX_IOERR, "%s", name);
        if (n == 0) return data;
        *len += (size_t)n;
    }
}

bytes_t in_bytes(const char *path)
{
    bytes_t b = {.name = xstrdup(is_stdin(path) ? "standard input" : path)};
    int fd = is_stdin(path) ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    struct stat st;
    if (fd < 0 || fstat(fd, &st)) die_errno(EX_NOINPUT, "%s", b.name);
    if (S_ISDIR(st.st_mode)) die(EX_NOINPUT, "%s: is a folder, expected a file", b.name);
    if (S_ISREG(st.st_mode) && !is_stdin(path) && st.st_size > 0) {
        b.len = (size_t)st.st_size;
        void *p = mmap(NULL, b.len, PROT_READ, MAP_PRIVATE, fd, 0);
        if (p == MAP_FAILED) die_errno(EX_IOERR, "%s", b.name);
        b.data = p;
        b.mapped = true;
    } else {
        b.data = read_all(fd, b.name, &b.len);
    }
    if (!is_stdin(path)) close(fd);
    return b;
}

void in_free(bytes_t *b)
{
    if (b->mapped) munmap((void *)(uintptr_t)b->data, b->len);
    else free((void *)(uintptr_t)b->data);
    free(b->name);
    *b = (bytes_t){0};
}

lines_t in_lines(const char *path)
{
    lines_t l = {.name = xstrdup(is_stdin(path) ? "standard input" : path)};
    l.file = is_stdin(path) ? stdin : fopen(path, "re");
    struct stat st;
    if (!l.file || fstat(fileno(l.file), &st)) die_errno(EX_NOINPUT, "%s", l.name);
    if (S_ISDIR(st.st_mode)) die(EX_NOINPUT, "%s: is a folder, expected a file", l.name);
    return l;
}

bool in_next(lines_t *l)
{
    errno = 0;
    ssize_t n = getline(&l->line, &l->cap, l->file);
    if (n < 0) {
        if (ferror(l->file) || errno == ENOMEM) die_errno(EX_IOERR, "%s", l->name);
        return false;
    }
    l->len = (size_t)n;
    if (l->digest) XXH3_128bits_update(l->digest, l->line, l->len);
    if (l->len && l->line[l->len - 1] == '\n') l->len--;
    if (l->len && l->line[l->len - 1] == '\r') l->len--;
    l->line[l->len] = '\0';
    l->number++;
    return true;
}

void in_close(lines_t *l)
{
    if (l->file && l->file != stdin) fclose(l->file);
    free(l->line);
    free(l->name);
    XXH3_freeState(l->digest);
    *l = (lines_t){0};
}

void in_digest(lines_t *l)
{
    l->digest = XXH3_createState();
    if (!l->digest || XXH3_128bits_reset(l->digest) == XXH_ERROR) die(EX_OSERR, "out of memory");
}

char *in_digest_hex(const lines_t *l)
{
    XXH128_hash_t h = XXH3_128bits_digest(l->digest);
    return xasprintf("%016llx%016llx", (unsigned long long)h.high64, (unsigned long long)h.low64);
}

/* Length of the well-formed sequence at s (n >= 1 bytes left), 0 if malformed. Table 3-7 of the Unicode standard. */
static size_t utf8_sequence(const unsigned char *s, size_t n)
{
    unsigned char c = s[0], low = 0x80, high = 0xbf;
    size_t len;
    if (c < 0x80) return c != 0;
    if (c >= 0xc2 && c <= 0xdf) len = 2;
    else if (c >= 0xe0 && c <= 0xef) len = 3;
    else if (c >= 0xf0 && c <= 0xf4) len = 4;
    else return 0;
    if (c == 0xe0) low = 0xa0;
    if (c == 0xed) high = 0x9f;
    if (c == 0xf0) low = 0x90;
    if (c == 0xf4) high = 0x8f;
    if (len > n || s[1] < low || s[1] > high) return 0;
    for (size_t i = 2; i < len; i++)
        if (s[i] < 0x80 || s[i] > 0xbf) return 0;
    return len;
}

/* True if the 32 bytes at `s` are ASCII without NUL; a loop without exits, so that it becomes a few vector instructions. */
static bool plain_block(const char *s)
{
    unsigned char high = 0, zero = 0;
    for (int i = 0; i < 32; i++) {
        unsigned char c = (unsigned char)s[i];
        high |= c;
        zero |= c == 0;
    }
    return high < 0x80 && !zero;
}

bool utf8_valid(const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        while (n - i >= 32 && plain_block(s + i)) i += 32;
        if (i == n) break;
        size_t len = utf8_sequence((const unsigned char *)s + i, n - i);
        if (!len) return false;
        i += len;
    }
    return true;
}
