#include "base/in.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/ranks.h"

static bool is_stdin(const char *path) { return !path || !strcmp(path, "-"); }

char *in_name(const char *path) { return xstrdup(is_stdin(path) ? "standard input" : path); }

/* Gives every rank the first one's standard input, which a launcher gives to none but that: puts its bytes into a file of each. */
static void share_stdin(void)
{
    static bool shared;
    enum { PART = 1 << 20 };
    if (shared || ranks_size() == 1) return;
    shared = true;
    const int fd = memfd_create("standard input", MFD_CLOEXEC);
    char *part = xmalloc(PART);
    int64_t n = 1;
    while (n > 0) {
        if (!ranks_self())
            do n = read(STDIN_FILENO, part, PART);
            while (n < 0 && errno == EINTR);
        ranks_broadcast(&n, sizeof n);
        if (n > 0) ranks_broadcast(part, (size_t)n);
        for (int64_t done = 0, put; done < n; done += put)
            if ((put = write(fd, part + done, (size_t)(n - done))) < 0) die_errno(EX_IOERR, "standard input");
    }
    free(part);
    if (n < 0 || fd < 0 || lseek(fd, 0, SEEK_SET) || dup2(fd, STDIN_FILENO) < 0) die_errno(EX_IOERR, "standard input");
    close(fd);
}

/* Opens what gives a file's or a pipe's bytes; *st says which. */
static int open_input(const char *path, const char *name, struct stat *st)
{
    if (is_stdin(path)) share_stdin();
    int fd = is_stdin(path) ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0 || fstat(fd, st)) die_errno(EX_NOINPUT, "%s", name);
    if (S_ISDIR(st->st_mode)) die(EX_NOINPUT, "%s: is a folder, expected a file", name);
    return fd;
}

typedef struct {
    byte_source_t base;
    int fd;
} file_source_t;

static ssize_t file_read(byte_source_t *s, void *to, size_t n)
{
    ssize_t got;
    do got = read(((file_source_t *)s)->fd, to, n);
    while (got < 0 && errno == EINTR);
    return got;
}

static void file_close(byte_source_t *s)
{
    int fd = ((file_source_t *)s)->fd;
    if (fd != STDIN_FILENO) close(fd);
    free(s);
}

static byte_source_t *file_source(int fd)
{
    file_source_t *f = NEW(file_source_t);
    *f = (file_source_t){{file_read, file_close, NULL}, fd};
    return &f->base;
}

byte_source_t *in_source(const char *path)
{
    struct stat st;
    char *name = in_name(path);
    byte_source_t *s = file_source(open_input(path, name, &st));
    free(name);
    return s;
}

size_t in_read(byte_source_t *s, const char *name, void *to, size_t n)
{
    ssize_t got = s->read(s, to, n);
    if (got < 0 && s->why) die(EX_DATAERR, "%s: %s", name, s->why);
    if (got < 0) die_errno(EX_IOERR, "%s", name);
    return (size_t)got;
}

bytes_t in_bytes_from(byte_source_t *source, char *name)
{
    unsigned char *data = NULL;
    size_t len = 0, cap = 0;
    for (size_t n = 1; n; len += n) {
        if (len == cap) {
            cap = cap ? size_mul(cap, 2) : 1 << 16;
            data = xreallocarray(data, cap, 1);
        }
        n = in_read(source, name, data + len, cap - len);
    }
    source->close(source);
    return (bytes_t){.data = data, .len = len, .name = name};
}

/* Tells whether what was opened is a file that is still to be read from its start: one that can be mapped. */
static bool is_whole_file(int fd, const struct stat *st) { return S_ISREG(st->st_mode) && st->st_size > 0 && !lseek(fd, 0, SEEK_CUR); }

bytes_t in_bytes(const char *path)
{
    struct stat st;
    char *name = in_name(path);
    int fd = open_input(path, name, &st);
    if (!is_whole_file(fd, &st)) return in_bytes_from(file_source(fd), name);
    bytes_t b = {.len = (size_t)st.st_size, .name = name, .mapped = true};
    void *p = mmap(NULL, b.len, PROT_READ, MAP_PRIVATE, fd, 0);
    if (p == MAP_FAILED) die_errno(EX_IOERR, "%s", b.name);
    b.data = p;
    if (is_stdin(path)) lseek(fd, 0, SEEK_END); /* as if it had been read */
    else close(fd);
    return b;
}

char *in_bytes_hex(const bytes_t *b) { return digest_hex(XXH3_128bits(b->data, b->len)); }

void in_free(bytes_t *b)
{
    if (b->mapped) munmap((void *)(uintptr_t)b->data, b->len);
    else free((void *)(uintptr_t)b->data);
    free(b->name);
    *b = (bytes_t){0};
}

lines_t in_lines(const char *path) { return in_lines_from(in_source(path), in_name(path)); }

lines_t in_lines_from(byte_source_t *source, char *name) { return (lines_t){.source = source, .name = name}; }

/* Moves what is left to the buffer's front and reads more behind it, in a larger one where that is full; false at the end. */
static bool fill(lines_t *l)
{
    enum { LEAST = 1 << 17 };
    if (l->at) memmove(l->buffer, l->buffer + l->at, l->end - l->at);
    l->end -= l->at;
    l->at = 0;
    if (l->end == l->cap) {
        l->cap = l->cap ? size_mul(l->cap, 2) : LEAST;
        l->buffer = xreallocarray(l->buffer, size_add(l->cap, 1), 1);
    }
    size_t n = in_read(l->source, l->name, l->buffer + l->end, l->cap - l->end);
    if (l->digest && n) XXH3_128bits_update(l->digest, l->buffer + l->end, n);
    l->end += n;
    return n > 0;
}

static void check_length(const lines_t *l, size_t n)
{
    if (l->max_line && n > l->max_line) die_at(l->name, l->number + 1, "line longer than %zu bytes", l->max_line);
}

bool in_next(lines_t *l)
{
    char *newline = NULL;
    for (size_t seen = 0;; check_length(l, seen)) {
        if (l->end - l->at > seen) newline = memchr(l->buffer + l->at + seen, '\n', l->end - l->at - seen);
        if (newline) break;
        seen = l->end - l->at;
        if (!fill(l)) break;
    }
    if (l->at == l->end) return false;
    l->line = l->buffer + l->at;
    l->len = newline ? (size_t)(newline - l->line) : l->end - l->at;
    check_length(l, l->len);
    l->at += newline ? l->len + 1 : l->len;
    if (l->len && l->line[l->len - 1] == '\r') l->len--;
    l->line[l->len] = '\0';
    if (l->number++ == 0 && l->len >= 3 && !memcmp(l->line, "\xef\xbb\xbf", 3)) {
        l->line += 3;
        l->len -= 3;
    }
    return true;
}

static bool is_blank(const char *s, size_t n)
{
    while (n && (*s == ' ' || *s == '\t')) s++, n--;
    return !n;
}

bool in_next_text(lines_t *l)
{
    while (in_next(l))
        if (!is_blank(l->line, l->len)) return true;
    return false;
}

void in_close(lines_t *l)
{
    if (l->source) l->source->close(l->source);
    free(l->buffer);
    free(l->name);
    XXH3_freeState(l->digest);
    *l = (lines_t){0};
}

void in_digest(lines_t *l)
{
    l->digest = XXH3_createState();
    if (!l->digest || XXH3_128bits_reset(l->digest) == XXH_ERROR) die(EX_OSERR, "out of memory");
}

char *in_digest_hex(const lines_t *l) { return digest_hex(XXH3_128bits_digest(l->digest)); }

/* Measures the well-formed sequence at s (n >= 1 bytes left), 0 if malformed. Table 3-7 of the Unicode standard. */
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

/* Tells whether the 32 bytes at `s` are ASCII without NUL; a loop without exits, so that it becomes a few vector instructions. */
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

/* The same for 8 bytes. A byte from 1 to 0x7f has no high bit, and gets one when 0x7f is added. */
static bool plain_word(const char *s)
{
    uint64_t word;
    memcpy(&word, s, sizeof word);
    return ((word | ~(word + 0x7f7f7f7f7f7f7f7fu)) & 0x8080808080808080u) == 0;
}

/* Measures how much from `s` on is well-formed. */
static size_t utf8_span(const char *s, size_t n)
{
    for (size_t i = 0; i < n;) {
        while (n - i >= 32 && plain_block(s + i)) i += 32;
        while (n - i >= 8 && plain_word(s + i)) i += 8;
        if (i == n) break;
        size_t len = utf8_sequence((const unsigned char *)s + i, n - i);
        if (!len) return i;
        i += len;
    }
    return n;
}

bool utf8_valid(const char *s, size_t n) { return utf8_span(s, n) == n; }

bool utf8_mend(char *s, size_t n)
{
    size_t i = utf8_span(s, n);
    if (i == n) return false;
    for (; i < n; i += utf8_span(s + i, n - i)) s[i] = ' ';
    return true;
}
