/* What turns items' images into vectors: the one interface that `embed` knows. An engine works on both sides of a process
 * border: describe() runs in a sandboxed worker that has just decoded an untrusted file, everything else in the program
 * itself, which only ever sees what describe() wrote. */
#ifndef SIDMILL_VISION_IMAGE_ENGINE_H
#define SIDMILL_VISION_IMAGE_ENGINE_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "data/st.h"

typedef struct image_engine image_engine_t;
struct image_engine {
    /* Bytes that describe() writes for every image: its descriptor. */
    size_t descriptor_size;

    /* Appends the descriptor of an image of width x height >= 1 pixels, 3 bytes each, row by row. Called in a worker process:
     * reads the engine as it was when the workers were forked, starts no threads, opens no files, and depends on the pixels
     * alone. A descriptor may be the finished features, or the image at the size a network takes. */
    void (*describe)(const image_engine_t *e, const unsigned char *rgb, int width, int height, buf_t *descriptor);

    /* The next item's descriptor, of descriptor_size bytes (unaligned, checked by nobody else: any bytes must be survived), or
     * NULL where the item has no image that can be decoded. An engine that computes much gathers a batch and runs it with
     * parallel_for(). */
    void (*add)(image_engine_t *e, const void *descriptor);

    /* The vectors [items, *dim], rows of length 1, all zero where there is no image. Caller frees. */
    float *(*finish)(image_engine_t *e, int64_t *dim);

    void (*free)(image_engine_t *e);

    /* Instead of finish(): fits the engine to the images added, and forgets them. NULL where nothing is fitted. */
    void (*fit)(image_engine_t *e);

    /* After fit() or finish(): adds what was fitted to a tensor file, under names that begin with "image". Data is borrowed until
     * st_commit(). NULL where nothing is fitted. */
    void (*save)(image_engine_t *e, st_writer_t *w);
};

#endif
