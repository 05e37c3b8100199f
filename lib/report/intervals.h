/* How sure the metrics of a result are: 95% intervals over users. */
#ifndef SIDMILL_REPORT_INTERVALS_H
#define SIDMILL_REPORT_INTERVALS_H

#include <cjson/cJSON.h>

#include "base/buf.h"

/* Appends `{"metrics": {"hr@10": [low, high], ...}, "metrics_unseen": {...}}`, by the `count` >= 1 files of ranks/1 whose metrics/1
 * objects are `results`, one a seed; a user's value is the mean over them. Ranks whose means are not those of the results are of
 * something else: they end the process with EX_DATAERR. */
void intervals_add(buf_t *out, char *const *files, const cJSON *const *results, int count);

#endif
