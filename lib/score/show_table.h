/* Systems of metrics.json files side by side, and what others have published under them: show.h's own. */
#ifndef SIDMILL_SCORE_SHOW_TABLE_H
#define SIDMILL_SCORE_SHOW_TABLE_H

#include <cjson/cJSON.h>

#include "base/grid.h"
#include "score/published.h"

/* A column of the table: one system of one file. */
typedef struct {
    char *label;
    const cJSON *file, *result;
} show_column_t;

typedef struct {
    show_column_t *columns;
    int count, cap;
} show_table_t;

/* Values are found by path, since keys such as "hr@10" hold no dot: "strata.head.hr@10". NULL and NaN for what is not there. */
const cJSON *show_at(const cJSON *json, const char *path);
const char *show_text_at(const cJSON *json, const char *path);
double show_number_at(const cJSON *json, const char *path);

/* Adds a column; file and result are borrowed. */
void show_table_add(show_table_t *t, const char *label, const cJSON *file, const cJSON *result);

/* Adds the parts of mixtures and the baselines that the files of the columns so far hold, each once. */
void show_table_add_others(show_table_t *t);
void show_table_lay(grids_t *to, const show_table_t *t);
void show_table_free(show_table_t *t);

/* Figures that may stand beside a table's systems; `figures` is the caller's to free. */
typedef struct {
    const figure_t **figures;
    int count, cap;
} show_beside_t;

/* The figures of `dataset` that agree with all files in split and number of users (where a figure has one; a sample is always
 * another). What does not agree is counted on stderr. */
show_beside_t show_beside(const show_table_t *t, const published_t *p, const char *dataset);

/* Lays out, for either protocol, the files' own systems and the figures that agree with them in protocol as well, a row a system. A
 * figure whose protocol is not known stands under both, marked with a question mark. */
void show_published(grids_t *to, const show_table_t *t, const published_t *p, const char *dataset);

#endif
