#include "formats/event_ahead.h"

#include <errno.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "data/strtab.h"

enum { BATCHES = 3, BATCH_EVENTS = 4096, BATCH_BYTES = 1 << 18 };

typedef struct {
    event_ahead_batch_t base;
    char *bytes;       /* of the ids */
    size_t used, cap;
} batch_t;

struct event_ahead {
    event_source_t *source;
    pthread_t thread;
    sem_t empty, full;       /* batches to fill, batches to take */
    batch_t batches[BATCHES];
    int64_t taken;           /* batches given out so far */
    event_t pending;         /* read, but without room in its batch */
    bool has_pending;
};

static void wait_for(sem_t *s)
{
    while (sem_wait(s))
        if (errno != EINTR) die_errno(EX_OSERR, "semaphore");
}

/* Copies an event with its ids into the batch; false where they do not fit. An event alone in its batch always fits. */
static bool add(batch_t *b, const event_t *e)
{
    size_t need = size_add(e->user_len, e->item_len);
    if (need > b->cap - b->used) {
        if (b->base.count) return false;
        b->bytes = xreallocarray(b->bytes, need, 1);
        b->cap = need;
    }
    event_ahead_event_t *h = &b->base.events[b->base.count++];
    char *user = b->bytes + b->used, *item = user + e->user_len;
    memcpy(user, e->user, e->user_len);
    memcpy(item, e->item, e->item_len);
    b->used += need;
    h->event = *e;
    h->event.user = user;
    h->event.item = item;
    h->user_hash = strtab_hash(user, e->user_len);
    h->item_hash = strtab_hash(item, e->item_len);
    return true;
}

static void fill(event_ahead_t *a, batch_t *b)
{
    b->base.count = 0;
    b->used = 0;
    while (b->base.count < BATCH_EVENTS) {
        if (!a->has_pending && !a->source->next(a->source, &a->pending)) return;
        a->has_pending = !add(b, &a->pending);
        if (a->has_pending) return;
    }
}

/* Reads batches until the source ends, which an empty batch tells. */
static void *read_ahead(void *ctx)
{
    event_ahead_t *a = ctx;
    for (int64_t n = 0;; n++) {
        batch_t *b = &a->batches[n % BATCHES];
        wait_for(&a->empty);
        fill(a, b);
        const bool end = !b->base.count;
        sem_post(&a->full);
        if (end) return NULL;
    }
}

event_ahead_t *event_ahead_open(event_source_t *s)
{
    event_ahead_t *a = NEW(event_ahead_t);
    a->source = s;
    for (int i = 0; i < BATCHES; i++) {
        a->batches[i].base.events = NEW_ARRAY(event_ahead_event_t, BATCH_EVENTS);
        a->batches[i].bytes = xmalloc(BATCH_BYTES);
        a->batches[i].cap = BATCH_BYTES;
    }
    if (sem_init(&a->empty, 0, BATCHES) || sem_init(&a->full, 0, 0)) die_errno(EX_OSERR, "semaphore");
    if ((errno = pthread_create(&a->thread, NULL, read_ahead, a))) die_errno(EX_OSERR, "thread");
    return a;
}

const event_ahead_batch_t *event_ahead_next(event_ahead_t *a)
{
    if (a->taken) sem_post(&a->empty);
    wait_for(&a->full);
    const event_ahead_batch_t *b = &a->batches[a->taken++ % BATCHES].base;
    return b->count ? b : NULL;
}

void event_ahead_close(event_ahead_t *a)
{
    pthread_join(a->thread, NULL);
    for (int i = 0; i < BATCHES; i++) {
        free(a->batches[i].base.events);
        free(a->batches[i].bytes);
    }
    sem_destroy(&a->empty);
    sem_destroy(&a->full);
    free(a);
}
