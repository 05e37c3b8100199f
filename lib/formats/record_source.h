/* Where item records come from: one reader per file format, behind one interface. Whatever the format, a record comes out as
 * a line of sidmill-items(5). */
#ifndef SIDMILL_FORMATS_RECORD_SOURCE_H
#define SIDMILL_FORMATS_RECORD_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "formats/source.h"
#include "formats/tally.h"

/* Borrowed until the next call. */
typedef struct {
    const char *id;     /* as event_t's */
    size_t id_len;
    const char *line;   /* one JSON object that items_next() would take, with this id; no newline */
    size_t line_len;
    const char *image;  /* its `image`, NULL where there is none */
    long long number;   /* the source's line, for messages */
} record_t;

typedef struct record_source record_source_t;
struct record_source {
    bool (*next)(record_source_t *s, record_t *r);   /* false at the end */
    char *(*digest)(const record_source_t *s);       /* xxh3-128 of the bytes read, in hex; caller frees */
    void (*close)(record_source_t *s);               /* frees the source as well */
    const char *name;                                /* of the file, for messages */
    bool repeats;                                    /* ids may repeat: the first record of an id is the one that counts */
    tally_t tally;                                   /* what was mended or left out so far */
};

/* The neutral form, items.jsonl: lines come out as they are. */
record_source_t *record_source_items(const source_options_t *o);

/* The records of another source, which it owns from now on, with their title, description, brand and categories cleaned as
 * Amazon's are (formats/clean_text.h); a key of which nothing is left goes. Every other byte stays. */
record_source_t *record_source_clean(record_source_t *inner);

#endif
