/* How good Semantic IDs are: how well they stand for their items, and how evenly they use what there is of codes. */
#ifndef SIDMILL_SID_SID_REPORT_H
#define SIDMILL_SID_SID_REPORT_H

#include <stdint.h>

#include "data/sids.h"
#include "sid/quantiser.h"

/* Notes what the SIDs are like before their suffixes, warns of codebooks that have collapsed and of crowded buckets, and returns the same
 * as a JSON object, one line, which the caller frees. `q` and `error`: the quantiser's, NULL where there is none; `moved`: how many items
 * did not get their nearest codes. */
char *sid_report(const sids_t *s, const quantiser_t *q, const quantiser_errors_t *error, int64_t moved);

#endif
