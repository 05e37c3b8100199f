#include "base/spool.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"

int spool_fd(void)
{
    const char *folder = getenv("TMPDIR");
    char *name = xasprintf("%s/sidmill.XXXXXX", folder && *folder ? folder : "/tmp");
    int fd = mkostemp(name, O_CLOEXEC);
    if (fd < 0) die_errno(EX_CANTCREAT, "temporary file %s", name);
    unlink(name);
    free(name);
    return fd;
}

FILE *spool_file(void)
{
    FILE *f = fdopen(spool_fd(), "w+b");
    if (!f) die_errno(EX_OSERR, "temporary file");
    return f;
}

spool_t spool_open(size_t size)
{
    return (spool_t){.fd = spool_fd(), .size = size, .waiting = xmalloc(size_mul(size, SPOOL_CHUNK))};
}

static void write_at(const spool_t *s, int64_t first, int64_t n, const void *elements)
{
    const char *p = elements;
    size_t left = size_mul((size_t)n, s->size);
    for (off_t at = (off_t)size_mul((size_t)first, s->size); left;) {
        ssize_t done = pwrite(s->fd, p, left, at);
        if (done < 0 && errno == EINTR) continue;
        if (done <= 0) die_errno(EX_IOERR, "temporary file: write failed");
        p += done;
        at += done;
        left -= (size_t)done;
    }
}

void spool_flush(spool_t *s)
{
    write_at(s, s->count - s->waiting_count, s->waiting_count, s->waiting);
    s->waiting_count = 0;
}

void spool_done(spool_t *s)
{
    spool_flush(s);
    free(s->waiting);
    s->waiting = NULL;
}

void spool_close(spool_t *s)
{
    if (s->size) close(s->fd);
    free(s->waiting);
    *s = (spool_t){0};
}

int64_t spool_get(const spool_t *s, int64_t first, int64_t n, void *elements)
{
    if (n > s->count - first) n = s->count - first;
    char *p = elements;
    size_t left = size_mul((size_t)n, s->size);
    for (off_t at = (off_t)size_mul((size_t)first, s->size); left;) {
        ssize_t done = pread(s->fd, p, left, at);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) die_errno(EX_IOERR, "temporary file: read failed");
        if (!done) die(EX_IOERR, "temporary file: is shorter than what was written to it");
        p += done;
        at += done;
        left -= (size_t)done;
    }
    return n;
}

void spool_resize(spool_t *s, int64_t count)
{
    spool_done(s);
    if (ftruncate(s->fd, (off_t)size_mul((size_t)count, s->size))) die_errno(EX_IOERR, "temporary file: write failed");
    s->count = count;
}

void spool_set(spool_t *s, int64_t first, int64_t n, const void *elements) { write_at(s, first, n, elements); }

spool_reader_t spool_reader(const spool_t *s) { return (spool_reader_t){.spool = s}; }

/* Moves what is left to the front and reads on, until `n` elements are there. */
static void refill(spool_reader_t *r, int64_t n)
{
    size_t size = r->spool->size;
    int64_t left = r->held - r->at;
    if (n > r->room || !r->room) {
        r->room = n > SPOOL_CHUNK ? n + n / 2 : SPOOL_CHUNK;
        r->data = xreallocarray(r->data, (size_t)r->room, size);
    }
    memmove(r->data, r->data + (size_t)r->at * size, (size_t)left * size);
    int64_t got = spool_get(r->spool, r->next, r->room - left, r->data + (size_t)left * size);
    r->next += got;
    r->at = 0;
    r->held = left + got;
    if (r->held < n) die(EX_SOFTWARE, "temporary file: read beyond its end");
}

const void *spool_next(spool_reader_t *r, int64_t n)
{
    if (r->held - r->at < n || !r->room) refill(r, n);
    const char *p = r->data + (size_t)r->at * r->spool->size;
    r->at += n;
    return p;
}

void spool_reader_free(spool_reader_t *r)
{
    free(r->data);
    *r = (spool_reader_t){0};
}
