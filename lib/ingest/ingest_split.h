/* Who is trained on what, and what is to be predicted: decided once, and carried by the file (data/interactions.h). */
#ifndef SIDMILL_INGEST_INGEST_SPLIT_H
#define SIDMILL_INGEST_INGEST_SPLIT_H

#include <stdbool.h>
#include <stdint.h>

#include "data/interactions.h"
#include "ingest/ingest_result.h"

/* Leave-last-out (phase_leave_last_out()). By time: what comes before the first cut is for training, what comes before the second
 * for validation, the rest for the test. By user: of shuffled users, those before the first cut are for training whole, of those
 * before the second the last item is for validation, of the others for the test. */
typedef enum { INGEST_SPLIT_LAST, INGEST_SPLIT_TIME, INGEST_SPLIT_USER } ingest_split_kind_t;

extern const char *const ingest_split_names[]; /* by kind; ended by NULL: "last", "time", "user" */

typedef struct {
    ingest_split_kind_t kind;
    bool by_time;      /* the cuts are times, not shares */
    double share[2];   /* of the events in order of time, or of the users; 0 < share[0] < share[1] < 1 */
    int64_t time[2];   /* seconds; where the cuts are shares, the result */
    uint64_t seed;
} ingest_split_t;

/* Reads "A,B": two shares with 0 < A < B < 1, or (for times) two moments as date_parse() has them, A before B. False if the text
 * is neither. */
bool ingest_split_parse(const char *text, ingest_split_t *s);

/* What the phases hold. */
typedef struct {
    int64_t events[PHASES];
    int64_t cases[PHASES], users[PHASES]; /* of PHASE_VALID and PHASE_TEST: those that other events precede, and who has one */
    int64_t tied;                       /* cases of the test that have the time of the event before */
} ingest_phases_t;

/* Decides x->phase. Cuts by time where the source gives only an order end the process with EX_DATAERR. */
void ingest_split(ingest_result_t *x, ingest_split_t *s);

/* Counts; a split that leaves nothing for training or for the test ends the process with EX_DATAERR. */
ingest_phases_t ingest_phases(const ingest_result_t *x);

#endif
