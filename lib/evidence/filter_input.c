#include "evidence/filter_input.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "evidence/filter.h"

/* Bytes [at, end) of a file. */
typedef struct {
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

static ssize_t range_read(void *cookie, char *to, size_t n)
{
    range_t *r = cookie;
    off_t left = r->end - r->at;
    ssize_t got = read_at(r->fd, to, left < (off_t)n ? (size_t)left : n, r->at);
    if (got > 0) r->at += got;
    return got;
}

static int range_close(void *cookie)
{
    range_t *r = cookie;
    int failed = close(r->fd);
    free(r);
    return failed;
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

/* Where the first line that starts at or behind k/n of the file's bytes starts. */
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

static FILE *open_range(const range_t *range)
{
    range_t *own = xmalloc(sizeof *own);
    *own = *range;
    FILE *f = fopencookie(own, "r", (cookie_io_functions_t){.read = range_read, .close = range_close});
    if (!f) die_errno(EX_OSERR, "cannot open a part of the input");
    return f;
}

static void narrow(items_t *items, const char *shard)
{
    int64_t k, n;
    struct stat st;
    parse_shard(shard, &k, &n);
    if (n == 1) return;
    range_t file = {.fd = dup(fileno(items->lines.file))};
    if (file.fd < 0 || fstat(file.fd, &st)) die_errno(EX_IOERR, "%s", items->lines.name);
    if (!S_ISREG(st.st_mode)) die(EX_USAGE, "%s: --shard needs a regular file or standard input", items->lines.name);
    file.end = st.st_size;
    range_t part = {file.fd, cut(&file, items->lines.name, k - 1, n), cut(&file, items->lines.name, k, n)};
    items->lines.number = count_lines(&file, items->lines.name, part.at);
    fclose(items->lines.file);
    items->lines.file = open_range(&part);
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
    if (shard) narrow(&items, shard);
    free(again);
    return items;
}

/* A file without a name, so that it goes when the process does. */
static int open_unnamed(void)
{
    const char *folder = getenv("TMPDIR");
    char *name = xasprintf("%s/sidmill.XXXXXX", folder && *folder ? folder : "/tmp");
    int fd = mkstemp(name);
    if (fd < 0) die_errno(EX_CANTCREAT, "temporary file %s", name);
    unlink(name);
    free(name);
    return fd;
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
    int fd = open_unnamed();
    copy_stdin(fd);
    return xasprintf("/dev/fd/%d", fd);
}
