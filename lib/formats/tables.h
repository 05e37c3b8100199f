/* Readers of tables and of plain JSON: what shops export, and what recommender libraries exchange. ingest(1) describes the
 * forms. The options of source_options_t name columns and keys; where they do not, usual names are looked for. */
#ifndef SIDMILL_FORMATS_TABLES_H
#define SIDMILL_FORMATS_TABLES_H

#include "formats/event_source.h"
#include "formats/record_source.h"

/* Comma-separated values with a header, or columns by number. */
event_source_t *event_source_csv(const source_options_t *o);
record_source_t *record_source_csv(const source_options_t *o);

/* The same with tabs, and cells as they are. */
event_source_t *event_source_tsv_table(const source_options_t *o);
record_source_t *record_source_tsv_table(const source_options_t *o);

/* RecBole's atomic files, X.inter and X.item. */
event_source_t *event_source_recbole(const source_options_t *o);
record_source_t *record_source_recbole(const source_options_t *o);

/* JSON Lines with keys of one's own. Which keys an event's are, the first object decides. */
event_source_t *event_source_jsonl(const source_options_t *o);
record_source_t *record_source_jsonl(const source_options_t *o);

/* LC-Rec's X.inter.json and X.item.json, one JSON document each, read as a whole. */
event_source_t *event_source_lcrec(const source_options_t *o);
record_source_t *record_source_lcrec(const source_options_t *o);

/* True if the bytes can be an id: not empty, without tab and line break. */
bool table_is_id(const char *s, size_t n);

#endif
