/* What an ingestion leaves: histories, and the items in them. */
#ifndef SIDMILL_INGEST_INGEST_RESULT_H
#define SIDMILL_INGEST_INGEST_RESULT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/spool.h"
#include "data/st.h"
#include "data/strtab.h"

/* What stays. Users come in order of first appearance in the source, each one's interactions in order of time, equal times as
 * the filter says (ingest/ties.h). */
typedef struct {
    int64_t users, items, events;
    int64_t *user_offsets;   /* [users + 1] */
    spool_t item_index;      /* int32 [events], rows of item_ids */
    spool_t timestamp;       /* int64 [events] */
    spool_t phase;            /* uint8 [events], once ingest_split() decided it (ingest/ingest_split.h) */
    bool order_only;         /* the timestamps are no times, only the order of the source */
    strtab_t user_ids, item_ids;
} ingest_result_t;

void ingest_result_free(ingest_result_t *x);

/* A walk over the users of a result that has phases: of each, n events, borrowed until the next. */
typedef struct {
    const ingest_result_t *x;
    spool_reader_t items, times, phases;
    int64_t user, n;
    const int32_t *item;
    const int64_t *time;
    const uint8_t *phase;
} ingest_walk_t;

/* Before the first user; and on to the next, false behind the last, which ends the walk. */
ingest_walk_t ingest_walk(const ingest_result_t *x);
bool ingest_next_user(ingest_walk_t *w);

/* Adds the tensors of interactions/2, borrowed until st_commit(), and the metadata `times`: "seconds" or "order". */
void ingest_result_add(st_writer_t *w, const ingest_result_t *x);

#endif
