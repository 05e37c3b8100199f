/* From events as they come to histories worth learning from: chronological, without duplicates and without what has no
 * record, reduced to their k-core; and the account of what was dropped. */
#ifndef SIDMILL_DATA_INGEST_H
#define SIDMILL_DATA_INGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "data/event_source.h"
#include "data/interactions.h"

typedef struct {
    int64_t kcore;        /* 0: none */
    int64_t max_items;    /* a user's latest interactions that are kept; 0: all */
    double min_rating;    /* NaN: none */
} ingest_filter_t;

typedef struct {
    int64_t users, items, interactions;
} ingest_counts_t;

/* before = after + everything dropped, for users, items and interactions each. */
typedef struct {
    ingest_counts_t before;   /* distinct users of the source, item records, interactions */
    int64_t no_record;        /* interactions dropped: their item has no record */
    int64_t missing_records;  /* the number of such items */
    int64_t low_rating;       /* interactions dropped: rated below the minimum */
    int64_t duplicates;       /* interactions dropped: same user, item and time as an earlier one */
    int64_t beyond_max;       /* interactions dropped: older than a user's latest max_items */
    int64_t idle_users;       /* users dropped: no interaction was left */
    int64_t idle_items;       /* items dropped: no interaction was left; with kcore 0 they stay */
    ingest_counts_t kcore;    /* dropped by the k-core */
    ingest_counts_t after;
    int64_t short_users;      /* kept users with fewer than 3 interactions, whom the split skips */
} ingest_report_t;

/* Reads the source to its end and filters: an interaction goes for the first reason that applies, in the order of the
 * report's fields. Each user's interactions are ordered by time, equal times in the source's order. Users come in order of
 * first appearance in the source; keep_item [items->count] says which items stay, and item_index counts those. `items` is
 * indexed. The result may be empty. */
interactions_t ingest_interactions(event_source_t *s, const strtab_t *items, const ingest_filter_t *f,
                                   bool *keep_item, ingest_report_t *r);

/* The report as notes on stderr, and as one JSON object. */
void ingest_report_notes(const ingest_report_t *r, const ingest_filter_t *f);
void ingest_report_json(const ingest_report_t *r, buf_t *out);

#endif
