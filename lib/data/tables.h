/* Readers of tables and of plain JSON: what shops export, and what recommender libraries exchange. ingest(1) describes the
 * forms. The options of source_options_t name columns and keys; where they do not, usual names are looked for. */
#ifndef SIDMILL_DATA_TABLES_H
#define SIDMILL_DATA_TABLES_H

#include "data/event_source.h"
#include "data/record_source.h"

/* Comma-separated values with a header, or columns by number. */
event_source_t *event_source_csv(const source_options_t *o);
record_source_t *record_source_csv(const source_options_t *o);

/* RecBole's atomic files, X.inter and X.item. */
event_source_t *event_source_recbole(const source_options_t *o);
record_source_t *record_source_recbole(const source_options_t *o);

/* True if the bytes can be an id: not empty, without tab and line break. */
bool table_is_id(const char *s, size_t n);

#endif
