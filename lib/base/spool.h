/* Data that waits in an unnamed temporary file, in the folder $TMPDIR or in /tmp: it goes when the process does, however that
 * ends. Failures end the process: EX_CANTCREAT where there can be no file, EX_IOERR where it cannot be written or read. */
#ifndef SIDMILL_BASE_SPOOL_H
#define SIDMILL_BASE_SPOOL_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* An unnamed temporary file, open for reading and writing. Closed by the caller. */
int spool_fd(void);
FILE *spool_file(void);

/* A sequence of elements of one size, written from its start to its end and then read. */
typedef struct {
    int fd;
    size_t size;       /* bytes an element */
    int64_t count;     /* elements, those not yet on file included */
    char *waiting;     /* written, but not yet on file */
    int64_t waiting_count;
} spool_t;

enum { SPOOL_CHUNK = 1 << 16 /* elements that go to the file at once; a good size for reading as well */ };

/* An empty sequence of elements of `size` bytes, and the end of one, with its file. */
spool_t spool_open(size_t size);
void spool_flush(spool_t *s);   /* what waits goes to the file */
void spool_done(spool_t *s);    /* all is written: nothing may be added any more */
void spool_close(spool_t *s);

/* Room for one more element at the end, to be filled before the next call. */
static inline void *spool_room(spool_t *s)
{
    if (s->waiting_count == SPOOL_CHUNK) spool_flush(s);
    s->count++;
    return s->waiting + (size_t)s->waiting_count++ * s->size;
}

/* Appends one `value` of the element's type. */
#define SPOOL_ADD(s, type, value) (*(type *)spool_room(s) = (value))

/* Reads up to `n` elements from the `first` on; returns how many there were. */
int64_t spool_get(const spool_t *s, int64_t first, int64_t n, void *elements);

/* For filling a sequence out of order: makes it `count` elements long; then writes elements at their places. */
void spool_resize(spool_t *s, int64_t count);
void spool_set(spool_t *s, int64_t first, int64_t n, const void *elements);

/* Reads a sequence from its start, a stretch at a time. */
typedef struct {
    const spool_t *spool;
    int64_t next;            /* element that comes from the file next */
    char *data;
    int64_t at, held, room;  /* elements of `data`: where the next stretch starts, where they end, space */
} spool_reader_t;

/* A reader at the first element of a sequence that is done. */
spool_reader_t spool_reader(const spool_t *s);

/* The next `n` elements, which must be there; borrowed until the next call. */
const void *spool_next(spool_reader_t *r, int64_t n);
void spool_reader_free(spool_reader_t *r);

#endif
