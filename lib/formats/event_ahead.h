/* Events read ahead in a thread of their own, in batches, so that parsing and what is done with events overlap. */
#ifndef SIDMILL_FORMATS_EVENT_AHEAD_H
#define SIDMILL_FORMATS_EVENT_AHEAD_H

#include "formats/event_source.h"

typedef struct {
    event_t event;                   /* ids borrowed from the batch */
    uint64_t user_hash, item_hash;   /* strtab_hash() of the ids */
} event_ahead_event_t;

typedef struct {
    event_ahead_event_t *events;
    int count;
} event_ahead_batch_t;

typedef struct event_ahead event_ahead_t;

/* Starts to read. The source belongs to the thread until event_ahead_next() returned NULL. */
event_ahead_t *event_ahead_open(event_source_t *s);

/* The next batch, in order and never empty, borrowed until the next call; NULL at the end. */
const event_ahead_batch_t *event_ahead_next(event_ahead_t *a);

/* To be called after the end. */
void event_ahead_close(event_ahead_t *a);

#endif
