/* Inside ingest: what its parts share. Users are numbered by first appearance in the source, items by their records. */
#ifndef SIDMILL_INGEST_INGEST_PARTS_H
#define SIDMILL_INGEST_INGEST_PARTS_H

#include "ingest/ingest.h"

/* An interaction that passed the filters of reading. */
typedef struct {
    int64_t time;
    int32_t user, item;
} ingest_event_t;

/* Interactions in the order of users, each user's chronological: `item` and `time` hold the same interactions, user u's are
 * length[u] in a row. */
typedef struct {
    spool_t item, time;   /* int32, int64 */
    uint32_t *length;     /* [users] */
} ingest_tidy_t;

/* The k-core being found: whom and what is left, and the items of what is left in the order of users. */
typedef struct {
    int64_t users, items;
    uint32_t *left;       /* [users] interactions that are left; 0: the user is gone */
    uint32_t *degree;     /* [items] interactions that are left */
    const spool_t *item;  /* int32, user u's left[u] in a row */
    spool_t own;          /* what `item` points to, once it is not the tidy interactions any more */
} ingest_core_t;

struct ingest {
    const ingest_filter_t *filter;
    const strtab_t *items;
    const uint8_t *evidence;
    int64_t partition;
    strtab_t users;
    ingest_tidy_t tidy;
    ingest_core_t core;
    bool *keep_item;      /* [items->count] */
    ingest_report_t report;
};

/* The first pass: numbers users and items, counts, applies the filters that look at one interaction alone. The interactions
 * that pass come out in the source's order; *length [users]: how many of each user's. */
spool_t ingest_take(ingest_t *g, event_source_t *s, uint32_t **length);

/* Brings them into order, drops duplicates and what lies beyond max_items. `length` becomes part of the result, with what is
 * left. `events` is closed. */
ingest_tidy_t ingest_group(ingest_t *g, spool_t *events, uint32_t *length, int64_t *duplicates, int64_t *beyond);

/* A core that holds all of the tidy interactions, which must outlive it. */
ingest_core_t ingest_core_open(const ingest_tidy_t *t, int64_t users, int64_t items);

/* Drops users and items with fewer than `k` >= 1 interactions until none is left to drop. */
void ingest_core_reduce(ingest_core_t *c, int64_t k, int64_t partition);

/* Drops the interactions with items whose degree was set to 0. */
void ingest_core_sweep(ingest_core_t *c);
void ingest_core_close(ingest_core_t *c);

/* Adds a row to the report: `counts` [users] and [items] as they are after the filter. */
ingest_step_t *ingest_add_step(ingest_t *g, const char *filter);

#endif
