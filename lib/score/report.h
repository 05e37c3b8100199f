/* metrics.json and comparisons: written as JSON, shown as tables. */
#ifndef SIDMILL_SCORE_REPORT_H
#define SIDMILL_SCORE_REPORT_H

#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "score/metrics.h"
#include "score/strata.h"

/* How well one system did. */
typedef struct {
    metrics_t all, strata[STRATA];
    double coverage;
} result_t;

/* Of lists [n, k] and the held-out items; ranks [n] receives every user's rank. */
result_t result_of(const int32_t *lists, int64_t n, int64_t k, const int32_t *target, const strata_t *strata, int64_t items,
                   int32_t *rank);

/* Appends `"metrics": {...}, "coverage@10": ..., "strata": {...}` without the braces around them, every line indented by
 * `indent` spaces. Undefined values are null. */
void result_json(buf_t *out, const result_t *r, const strata_t *strata, int indent);

/* Prints a table: several metrics.json side by side (columns: the system, then the baselines not shown yet), or one
 * comparison or ablation after the other. Operands are FILE or LABEL=FILE. Any other file ends the process with EX_DATAERR. */
void show_files(FILE *out, char **operands, int count);

/* Prints what comparison_json() or ablation_json() (score/comparison.h) made. */
void show_text(FILE *out, const char *json);

#endif
