/* From events as they come to histories worth learning from: chronological, without duplicates and without what has no
 * record, reduced to their k-core; and the account of what went at each step.
 *
 * Events wait in temporary files (base/spool.h), never in memory: memory follows the numbers of users and items and the
 * longest history; but for a k-core that many passes have not settled, of which the rest is reduced in memory, 8 bytes an
 * interaction (ingest_core.c). Steps, in order, each a function below: ingest_read(), ingest_core(), and where items are lost later on,
 * ingest_drop_items(); then ingest_result(). */
#ifndef SIDMILL_INGEST_INGEST_H
#define SIDMILL_INGEST_INGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "data/strtab.h"
#include "formats/event_source.h"
#include "ingest/ingest_filter.h"
#include "ingest/ingest_report.h"
#include "ingest/ingest_result.h"

typedef struct ingest ingest_t;

/* `items` (indexed) are the items that have a record and `evidence` [items->count] what that holds (ingest/coverage.h); both,
 * and the filter, are borrowed. */
ingest_t *ingest_open(const ingest_filter_t *f, const strtab_t *items, const uint8_t *evidence);

/* Reads the source to its end. An interaction goes for the first reason that applies: its item has no record, it lies outside
 * [since, until), it is rated too low, its item has no picture, it is a duplicate (same user, item and time as an earlier
 * one), it is older than its user's latest max_items. With a bound on the time, a source that gives only an order ends the
 * process. */
void ingest_read(ingest_t *g, event_source_t *s);

/* Reduces what is left to its k-core. */
void ingest_core(ingest_t *g);

/* Drops the items whose gone[i] is set, [items->count], as the step `filter`, and what then leaves the k-core. */
void ingest_drop_items(ingest_t *g, const char *filter, const bool *gone);

/* [items->count]: whether an item stays, as things are. With kcore 0 items stay that nobody met. */
const bool *ingest_items(const ingest_t *g);

/* The account so far. */
const ingest_report_t *ingest_report(const ingest_t *g);

/* The result, which may be empty; nothing can be dropped after it, and ingest_items() holds until ingest_close(). */
ingest_result_t ingest_result(ingest_t *g);
void ingest_close(ingest_t *g);

#endif
