/* A growing list of token ids. */
#ifndef SIDMILL_BPE_IDS_H
#define SIDMILL_BPE_IDS_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* Begins as {0}. */
typedef struct {
    int32_t *id;
    size_t count, cap;
} ids_t;

/* Makes room for `n` more. */
static inline void ids_reserve(ids_t *ids, size_t n)
{
    if (ids->cap - ids->count >= n) return;
    ids->cap = size_add(size_mul(ids->cap, 2), size_add(n, 64));
    ids->id = xreallocarray(ids->id, ids->cap, sizeof *ids->id);
}

static inline void ids_add(ids_t *ids, const int32_t *id, size_t n)
{
    ids_reserve(ids, n);
    if (n) memcpy(ids->id + ids->count, id, n * sizeof *id);
    ids->count += n;
}

static inline void ids_free(ids_t *ids)
{
    free(ids->id);
    *ids = (ids_t){0};
}

#endif
