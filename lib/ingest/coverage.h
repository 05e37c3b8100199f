/* Which kinds of evidence an item's record holds: what a recommender can know about it beside who met it. */
#ifndef SIDMILL_INGEST_COVERAGE_H
#define SIDMILL_INGEST_COVERAGE_H

#include <stddef.h>
#include <stdint.h>

enum { HAS_TITLE, HAS_DESCRIPTION, HAS_CATEGORIES, HAS_IMAGE /* `image` or `image_url` */, HAS_CAPTION, HAS_INTENTS, COVERAGE_KINDS };

extern const char *const coverage_names[COVERAGE_KINDS];   /* "title", ... */

/* The set of kinds, as bits 1 << HAS_..., of a record: a line that items_next() would take. What is null or empty does not
 * count. */
uint8_t coverage_of(const char *line, size_t n);

#endif
