/* What `caption` knows of its engines: what is there of an item's picture in, a sentence out. Engines look at pictures in
 * sandboxed workers and keep many of them under way: answers may come during the call or later, in any order. */
#ifndef SIDMILL_INTENT_CAPTION_ENGINE_H
#define SIDMILL_INTENT_CAPTION_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "vision/sandbox.h"

enum { CAPTION_MAX_LENGTH = 2000 /* bytes, of what an engine says of a picture */ };

/* How much a picture may take. */
typedef struct {
    int64_t max_file;    /* bytes */
    int64_t max_pixels;
    double seconds;      /* of processor time */
} caption_limits_t;

/* The same for the workers that look at it. */
sandbox_options_t caption_worker(const caption_limits_t *limits);

/* Called exactly once an item, with texts that are valid until it returns. `text`: the caption, UTF-8 on one line; NULL where there
 * is nothing to go by. `error`: why the picture gave nothing; NULL where it did, or there was none. */
typedef void (*caption_done_fn)(void *ctx, const char *text, const char *error);

typedef struct caption_engine caption_engine_t;
struct caption_engine {
    /* Captions an item: by the bytes of its picture's file, which the engine takes over (NULL: it has none), and its image labels
     * (labels_text()'s; NULL: none). */
    void (*caption)(caption_engine_t *e, buf_t *picture, const char *labels, caption_done_fn done, void *ctx);

    /* True if another item can be started without waiting. */
    bool (*has_room)(const caption_engine_t *e);

    /* Moves what is under way forward, for a while: returns once some item is done, or earlier. */
    void (*wait)(caption_engine_t *e);

    /* No item will follow; NULL: the engine does not care. */
    void (*last)(caption_engine_t *e);

    /* To be called when the output is written: ends the process where too few items got an answer from a server. */
    void (*free)(caption_engine_t *e);
};

#endif
