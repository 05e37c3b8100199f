/* What turns items' texts into vectors: the one interface that `embed` knows. An engine sees every item once, in order, and
 * answers for all of them at the end, so that one may fit itself to the whole catalogue and another may keep many requests
 * in flight. */
#ifndef SIDMILL_TEXT_TEXT_ENGINE_H
#define SIDMILL_TEXT_TEXT_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "data/st.h"

/* One field of an item: valid UTF-8, not empty. */
typedef struct {
    const char *text;
    size_t length;
    double weight; /* > 0 */
} text_part_t;

typedef struct text_engine text_engine_t;
struct text_engine {
    /* The next item's fields, in the order asked for; count 0 where it has none. Parts are valid during the call only. */
    void (*add)(text_engine_t *e, const text_part_t *parts, int count);

    /* The vectors [items, *dim], rows of length 1, or all zero where an item has no text or none that the engine knows.
     * Warns of such items, with their count. Caller frees.
     * Items begin anew after that: a second round of add() and finish() gives other texts their vectors in the same space,
     * and does not warn. */
    float *(*finish)(text_engine_t *e, int64_t *dim);

    /* Instead of the first finish(): fits the engine to the items added, and forgets them. NULL where nothing is fitted. */
    void (*fit)(text_engine_t *e);

    /* After fit() or finish(): adds what the space is made of to a tensor file, under names that begin with "text". Data is
     * borrowed until st_commit(). NULL where nothing is fitted. */
    void (*save)(text_engine_t *e, st_writer_t *w);

    void (*free)(text_engine_t *e);
};

#endif
