/* The account of an ingestion: what was there, what went at each step, what is left. */
#ifndef SIDMILL_INGEST_INGEST_REPORT_H
#define SIDMILL_INGEST_INGEST_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "formats/tally.h"
#include "ingest/coverage.h"
#include "ingest/ingest_split.h"
#include "ingest/quantiles.h"
#include "ingest/ties.h"

/* What is left after a filter. */
typedef struct {
    const char *filter;              /* "read": before the first */
    int64_t users, items;            /* with an interaction left */
    int64_t interactions;
    int64_t with[COVERAGE_KINDS];    /* such items whose record holds this evidence */
} ingest_step_t;

enum { INGEST_MAX_STEPS = 16 };

typedef struct {
    ingest_step_t steps[INGEST_MAX_STEPS];
    int count;
    quantiles_t history[2], popularity[2];   /* interactions a user, an item: as read, and as they are left */
    int64_t short_users;                     /* users left with fewer than 3 interactions, whom leave-last-out skips */
    ties_count_t ties;                       /* of what is left without duplicates */
    int64_t earliest, latest;                /* times as read, where they are times */
    bool letters_apart;                      /* ids beyond ASCII are among the records' and the events', and none is in both */
} ingest_report_t;

/* Adds a row, empty but for its name (static). */
ingest_step_t *ingest_report_step(ingest_report_t *r, const char *filter);

/* Beside the account itself, what is known of the inputs. Tallies may be NULL. */
typedef struct {
    const ingest_report_t *report;
    int64_t records_read, records_kept;
    const tally_t *records, *interactions;   /* what the readers mended or left out */
    const tally_t *pictures;                 /* what became of pictures to download */
    const ingest_split_t *split;             /* how what is left was divided, and into what; NULL before it is */
    const ingest_phases_t *phases;
    bool order_only;                         /* of the interactions */
    ties_order_t ties;
} ingest_account_t;

/* Share of the possible pairs of users and items that an interaction fills (repeats count, so it may exceed 1); 0 where there
 * is none. */
double ingest_density(const ingest_step_t *s);

/* As notes on stderr: a table of the steps, one of the quantiles, and the tallies. */
void ingest_account_notes(const ingest_account_t *a);

/* As one JSON object on one line: ingest(1), REPORT. */
void ingest_account_json(const ingest_account_t *a, buf_t *out);

#endif
