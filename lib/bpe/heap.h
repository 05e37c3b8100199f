/* A binary heap of pairs of numbers, the least first. */
#ifndef SIDMILL_BPE_HEAP_H
#define SIDMILL_BPE_HEAP_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/mem.h"

typedef struct {
    int64_t first;
    uint64_t second; /* decides where `first` is equal */
} heap_entry_t;

/* Begins as {0}. */
typedef struct {
    heap_entry_t *entry;
    int64_t count, cap;
} heap_t;

static inline bool heap_before(heap_entry_t a, heap_entry_t b)
{
    return a.first < b.first || (a.first == b.first && a.second < b.second);
}

static inline void heap_push(heap_t *h, heap_entry_t e)
{
    GROW(h->entry, h->count, h->cap);
    int64_t at = h->count++;
    for (; at && heap_before(e, h->entry[(at - 1) / 2]); at = (at - 1) / 2) h->entry[at] = h->entry[(at - 1) / 2];
    h->entry[at] = e;
}

/* Takes the least out; false where there is none. */
static inline bool heap_pop(heap_t *h, heap_entry_t *least)
{
    if (!h->count) return false;
    *least = h->entry[0];
    const heap_entry_t last = h->entry[--h->count];
    int64_t at = 0;
    for (int64_t child; (child = 2 * at + 1) < h->count; at = child) {
        if (child + 1 < h->count && heap_before(h->entry[child + 1], h->entry[child])) child++;
        if (!heap_before(h->entry[child], last)) break;
        h->entry[at] = h->entry[child];
    }
    h->entry[at] = last;
    return true;
}

static inline void heap_free(heap_t *h) { free(h->entry); }

#endif
