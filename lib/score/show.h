/* Tables for the eye, of results that are JSON. */
#ifndef SIDMILL_SCORE_SHOW_H
#define SIDMILL_SCORE_SHOW_H

#include <stdio.h>

#include "base/grid.h"
#include "score/published.h"

/* Prints tables in a form: several metrics.json side by side (columns: the system, then the baselines not shown yet), or one
 * comparison or ablation after the other. Operands are FILE or LABEL=FILE. Any other file ends the process with EX_DATAERR. Where
 * `published` is not NULL, what it holds of a data set is printed under the systems (score/show_table.h). */
void show_files(FILE *out, char **operands, int count, const published_t *published, const char *dataset, grid_form_t form);

/* Prints what comparison_json() or comparison_ablation_json() (comparison.h) made. */
void show_text(FILE *out, const char *json);

#endif
