/* The forms in which catalogues and events are published, by name. */
#ifndef SIDMILL_FORMATS_FORMATS_H
#define SIDMILL_FORMATS_FORMATS_H

#include "formats/event_source.h"
#include "formats/record_source.h"

/* Options that only some formats take. */
enum { TAKES_COLUMNS = 1, TAKES_ITEM_COLUMNS = 2, TAKES_DELIMITER = 4, TAKES_LIST_SEPARATOR = 8, TAKES_TIME_UNIT = 16,
       TAKES_ENCODING = 32 };

typedef struct {
    const char *name;
    event_source_t *(*events)(const source_options_t *o);
    record_source_t *(*records)(const source_options_t *o);
    unsigned takes;   /* bits TAKES_... */
    bool cleans;      /* its records' texts are cleaned as they are read */
} format_t;

extern const char *const format_names[];   /* NULL-terminated; the first is the default */

/* The format of that name, which must be one of them. */
const format_t *format_find(const char *name);

#endif
