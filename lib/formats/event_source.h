/* Where interactions come from: one reader per file format, behind one interface. A reader checks what it reads and ends the
 * process with "file:line: ..." for what it cannot take; filtering is not its business. */
#ifndef SIDMILL_FORMATS_EVENT_SOURCE_H
#define SIDMILL_FORMATS_EVENT_SOURCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "formats/source.h"
#include "formats/tally.h"

/* One user met one item. The ids are valid UTF-8, not empty, without tab or line break, and borrowed until the next call. */
typedef struct {
    const char *user, *item;
    size_t user_len, item_len;
    int64_t time;     /* seconds, or the position in the user's history where the source has only that */
    double rating;    /* finite; 0 where ratings were not asked for */
} event_t;

typedef struct event_source event_source_t;
struct event_source {
    bool (*next)(event_source_t *s, event_t *e);   /* false at the end */
    char *(*digest)(const event_source_t *s);      /* xxh3-128 of the bytes read, in hex; caller frees */
    void (*close)(event_source_t *s);              /* frees the source as well */
    bool order_only;                               /* `time` is no time, only the position in the user's history; known when
                                                    * the first event has come */
    tally_t tally;                                 /* what was mended or left out so far */
};

/* The neutral form: tab-separated with a header line naming the columns `user`, `item`, `timestamp` or `order`, and `rating`
 * in any order; other columns are passed over. With `rating`, the column must be there and every value a finite number. A
 * line that is no event is malformed (source_bad_line()); a bad header ends the process. */
event_source_t *event_source_tsv(const source_options_t *o);

#endif
