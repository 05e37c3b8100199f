#include "data/filter_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/spool.h"

/* Bytes [at, end) of a file. */
typedef struct {
    byte_source_t base;
    int fd;
    off_t at, end;
} range_t;

static bool is_stdin(const char *path) { return !path || !strcmp(path, "-"); }

static ssize_t read_at(int fd, void *to, size_t n, off_t at)
{
    ssize_t got;
    do got = pread(fd, to, n, at);
    while (got < 0 && errno == EINTR);
    return got;
}

static ssize_t range_read(byte_source_t *s, void *to, size_t n)
{
    range_t *r = (range_t *)s;
    off_t left = r->end - r->at;
    ssize_t got = read_at(r->fd, to, left < (off_t)n ? (size_t)left : n, r->at);
    if (got > 0) r->at += got;
    return got;
}

static void range_close(byte_source_t *s)
{
    close(((range_t *)s)->fd);
    free(s);
}

static void parse_shard(const char *text, int64_t *k, int64_t *n)
{
    long long a, b;
    char rest;
    if (sscanf(text, "%lld/%lld%c", &a, &b, &rest) != 2 || a < 1 || b < a || b > 1000000)
        die(EX_USAGE, "--shard %s: expected K/N with 1 <= K <= N <= 1000000", text);
    *k = a;
    *n = b;
}

/* Finds where the first line that starts at or behind k/n of the file's bytes starts. */
static off_t cut(const range_t *file, const char *name, int64_t k, int64_t n)
{
    off_t at = file->end / n * k + file->end % n * k / n;
    char bytes[1 << 16];
    if (at == 0 || k == n) return k == n ? file->end : 0;
    for (at--; at < file->end;) {
        ssize_t got = read_at(file->fd, bytes, sizeof bytes, at);
        if (got < 0) die_errno(EX_IOERR, "%s", name);
        if (got == 0) break;
        const char *newline = memchr(bytes, '\n', (size_t)got);
        if (newline) return at + (newline - bytes) + 1;
        at += got;
    }
    return file->end;
}

static long long count_lines(const range_t *file, const char *name, off_t end)
{
    long long lines = 0;
    char bytes[1 << 16];
    for (off_t at = 0; at < end;) {
        ssize_t got = read_at(file->fd, bytes, end - at < (off_t)sizeof bytes ? (size_t)(end - at) : sizeof bytes, at);
        if (got < 0) die_errno(EX_IOERR, "%s", name);
        if (got == 0) break;
        for (ssize_t i = 0; i < got; i++) lines += bytes[i] == '\n';
        at += got;
    }
    return lines;
}

/* Narrows the reader to part K/N of the file; `path` is not standard input: see filter_spool(). */
static void narrow(items_t *items, const char *path, const char *shard)
{
    int64_t k, n;
    struct stat st;
    const char *name = items->lines.name;
    parse_shard(shard, &k, &n);
    if (n == 1) return;
    range_t *part = NEW(range_t);
    *part = (range_t){.base = {.read = range_read, .close = range_close}, .fd = open(path, O_RDONLY | O_CLOEXEC)};
    if (part->fd < 0 || fstat(part->fd, &st)) die_errno(EX_NOINPUT, "%s", name);
    if (!S_ISREG(st.st_mode)) die(EX_USAGE, "%s: --shard needs a regular file or standard input", name);
    part->end = st.st_size;
    off_t from = cut(part, name, k - 1, n), to = cut(part, name, k, n);
    items->lines.number = count_lines(part, name, from);
    part->at = from;
    part->end = to;
    items->lines.source->close(items->lines.source);
    items->lines.source = &part->base;
}

items_t filter_input_open(const char *path, const char *shard)
{
    if (shard) {
        int64_t k, n;
        parse_shard(shard, &k, &n);
    }
    char *again = shard ? filter_spool(path) : NULL;
    items_t items = items_open(shard ? again : path);
    if (!strncmp(items.lines.name, "/dev/fd/", 8)) { /* what filter_spool() makes of it */
        free(items.lines.name);
        items.lines.name = xstrdup("standard input");
    }
    items.repeated_ids = true;
    if (shard) narrow(&items, again, shard);
    free(again);
    return items;
}

static void copy_stdin(int to)
{
    char bytes[1 << 16];
    for (;;) {
        ssize_t n = read(STDIN_FILENO, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) die_errno(EX_IOERR, "standard input");
        if (n == 0) return;
        for (ssize_t done = 0; done < n;) {
            ssize_t put = write(to, bytes + done, (size_t)(n - done));
            if (put < 0 && errno == EINTR) continue;
            if (put < 0) die_errno(EX_IOERR, "temporary file: write failed");
            done += put;
        }
    }
}

char *filter_spool(const char *path)
{
    struct stat st;
    if (!is_stdin(path)) return xstrdup(path);
    if (!fstat(STDIN_FILENO, &st) && S_ISREG(st.st_mode) && lseek(STDIN_FILENO, 0, SEEK_CUR) == 0 &&
        !access("/dev/fd/0", R_OK))
        return xstrdup("/dev/fd/0");
    int fd = spool_fd();
    copy_stdin(fd);
    return xasprintf("/dev/fd/%d", fd);
}
