/* Inside ingest: histories from interactions as they came. Users are numbered by first appearance in the source, items by their
 * records. */
#ifndef SIDMILL_INGEST_INGEST_GROUP_H
#define SIDMILL_INGEST_INGEST_GROUP_H

#include <stdint.h>

#include "base/spool.h"
#include "ingest/ties.h"

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

/* How interactions are brought into order. */
typedef struct {
    int64_t max_items;    /* a user's latest that stay; 0: all */
    int64_t partition;    /* interactions in memory at a time */
    ties_t ties;
    const strtab_t *ids;  /* of the items; borrowed */
} ingest_grouping_t;

/* What grouping found: interactions that repeat another, and those older than their user's latest `max_items`, which it leaves
 * out; and what order tells, of the others. */
typedef struct {
    int64_t duplicates, beyond;
    ties_count_t ties;
} ingest_grouped_t;

/* Brings interactions into order, and drops duplicates and what lies beyond max_items. `length` [users], how many of each
 * user's there are, becomes part of the result, with what is left. `events` is closed. */
ingest_tidy_t ingest_group(spool_t *events, uint32_t *length, int64_t users, const ingest_grouping_t *how,
                           ingest_grouped_t *found);

#endif
