/* Inside ingest: the first pass over the events. */
#ifndef SIDMILL_INGEST_INGEST_TAKE_H
#define SIDMILL_INGEST_INGEST_TAKE_H

#include "data/strtab.h"
#include "formats/event_source.h"
#include "ingest/ingest_filter.h"
#include "ingest/ingest_group.h"
#include "ingest/ingest_report.h"

/* What is known before the first event: what to leave out, and the items that have a record, with what that holds. */
typedef struct {
    const ingest_filter_t *filter;
    const strtab_t *items;
    const uint8_t *evidence; /* [items->count] */
} ingest_known_t;

/* The interactions that passed, in the source's order, and how many of each user's they are. */
typedef struct {
    strtab_t users;
    spool_t events;          /* ingest_event_t */
    uint32_t *length;        /* [users] */
} ingest_taken_t;

/* Numbers users and items, counts, applies the filters that look at one interaction alone, and adds them to the report. */
ingest_taken_t ingest_take(const ingest_known_t *k, event_source_t *s, ingest_report_t *report);

#endif
