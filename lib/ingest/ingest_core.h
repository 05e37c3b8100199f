/* Inside ingest: the k-core of the tidy interactions, by passes over what is left. Each pass drops users with too few
 * interactions and what items that have too few take with them, and leaves a shorter sequence for the next. What fits in memory,
 * and what so many passes have not settled (a long chain of users and items that fall one after the other), is peeled there, in
 * linear time. */
#ifndef SIDMILL_INGEST_INGEST_CORE_H
#define SIDMILL_INGEST_INGEST_CORE_H

#include "ingest/ingest_group.h"

/* The k-core being found: whom and what is left, and the items of what is left in the order of users. */
typedef struct {
    int64_t users, items;
    uint32_t *left;       /* [users] interactions that are left; 0: the user is gone */
    uint32_t *degree;     /* [items] interactions that are left */
    const spool_t *item;  /* int32, user u's left[u] in a row */
    spool_t own;          /* what `item` points to, once it is not the tidy interactions any more */
} ingest_core_t;

/* A core that holds all of the tidy interactions, which must outlive it. */
ingest_core_t ingest_core_open(const ingest_tidy_t *t, int64_t users, int64_t items);

/* Drops users and items with fewer than `k` >= 1 interactions until none is left to drop. */
void ingest_core_reduce(ingest_core_t *c, int64_t k, int64_t partition);

/* Drops the interactions with items whose degree was set to 0. */
void ingest_core_sweep(ingest_core_t *c);
void ingest_core_close(ingest_core_t *c);

#endif
