/* The pictures of a catalogue on their way to an image engine: files are read here, decoded and described in sandboxed worker
 * processes, and their descriptors handed to the engine in the items' order, a bounded number at a time. */
#ifndef SIDMILL_VISION_IMAGE_READER_H
#define SIDMILL_VISION_IMAGE_READER_H

#include <stdint.h>

#include "vision/image_engine.h"

typedef struct image_reader image_reader_t;

/* Starts the workers. Paths count from `folder` (NULL: the working folder). Both arguments are borrowed. */
image_reader_t *image_reader_open(image_engine_t *e, const char *folder);

/* The next item, with the path of its picture or NULL where it has none. A picture that cannot be read, decoded or described in
 * time costs this item its picture, and a warning that names it for the first few. */
void image_reader_add(image_reader_t *r, const char *id, const char *path);

/* Waits for the last pictures, warns of the number of those that could not be used, and notes the number of items that name none.
 * Returns the mask [items]: 1 where the engine was given a picture, else 0; the caller frees it. `digest`: the xxh3-128, in hex,
 * of all picture files that were read, one after the other; the caller frees it. Frees the reader. */
uint8_t *image_reader_finish(image_reader_t *r, char **digest);

#endif
