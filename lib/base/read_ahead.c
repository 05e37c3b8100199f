#include "base/read_ahead.h"

#include <errno.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

enum { BLOCKS = 4, BLOCK = 1 << 18 };

/* One read of the inner source: bytes, or 0 at the end, or -1 with errno. */
typedef struct {
    ssize_t n;
    int error;
    char bytes[BLOCK];
} block_t;

/* Blocks [taken, filled), counted since the start, are waiting; the thread fills the next one while no more than BLOCKS are. */
typedef struct {
    byte_source_t base, *inner;
    block_t *blocks;
    int64_t filled, taken;
    size_t at;                /* bytes of the first waiting block that were handed out */
    bool closing;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t changed;
} ahead_t;

static void *fill_blocks(void *ctx)
{
    ahead_t *a = ctx;
    for (bool more = true; more;) {
        pthread_mutex_lock(&a->lock);
        while (a->filled - a->taken == BLOCKS && !a->closing) pthread_cond_wait(&a->changed, &a->lock);
        more = !a->closing;
        pthread_mutex_unlock(&a->lock);
        if (!more) break;
        block_t *b = &a->blocks[a->filled % BLOCKS];
        b->n = a->inner->read(a->inner, b->bytes, BLOCK);
        b->error = errno;
        more = b->n > 0;
        pthread_mutex_lock(&a->lock);
        a->filled++;
        pthread_cond_signal(&a->changed);
        pthread_mutex_unlock(&a->lock);
    }
    return NULL;
}

static ssize_t ahead_read(byte_source_t *s, void *to, size_t n)
{
    ahead_t *a = (ahead_t *)s;
    pthread_mutex_lock(&a->lock);
    while (a->taken == a->filled) pthread_cond_wait(&a->changed, &a->lock);
    pthread_mutex_unlock(&a->lock);
    block_t *b = &a->blocks[a->taken % BLOCKS];
    if (b->n <= 0) { /* it stays, for another call */
        a->base.why = a->inner->why;
        errno = b->error;
        return b->n;
    }
    size_t left = (size_t)b->n - a->at;
    if (n > left) n = left;
    memcpy(to, b->bytes + a->at, n);
    a->at += n;
    if (n < left) return (ssize_t)n;
    a->at = 0;
    pthread_mutex_lock(&a->lock);
    a->taken++;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
    return (ssize_t)n;
}

static void ahead_close(byte_source_t *s)
{
    ahead_t *a = (ahead_t *)s;
    pthread_mutex_lock(&a->lock);
    a->closing = true;
    pthread_cond_signal(&a->changed);
    pthread_mutex_unlock(&a->lock);
    pthread_join(a->thread, NULL);
    pthread_mutex_destroy(&a->lock);
    pthread_cond_destroy(&a->changed);
    a->inner->close(a->inner);
    free(a->blocks);
    free(a);
}

byte_source_t *read_ahead(byte_source_t *inner)
{
    ahead_t *a = NEW(ahead_t);
    a->base = (byte_source_t){.read = ahead_read, .close = ahead_close};
    a->inner = inner;
    a->blocks = xmalloc(BLOCKS * sizeof *a->blocks);
    pthread_mutex_init(&a->lock, NULL);
    pthread_cond_init(&a->changed, NULL);
    if ((errno = pthread_create(&a->thread, NULL, fill_blocks, a))) die_errno(EX_OSERR, "cannot start a thread");
    return &a->base;
}
