/* The pictures that item records name, read as bytes. */
#ifndef SIDMILL_VISION_IMAGE_FILE_H
#define SIDMILL_VISION_IMAGE_FILE_H

#include <stddef.h>

#include "base/buf.h"

/* Appends the bytes of the file at `path`, which counts from `folder` (NULL: the working folder) unless it is absolute, to
 * `out`. Returns NULL, or why not: a text that lasts until this thread's next call. Only a regular file of at most `max`
 * bytes is read; pipes and devices are refused without waiting for them. Symbolic links and ".." are followed: a record may
 * name any file that the user may read, and what is not an image is refused by the decoder, unseen by anybody else. */
const char *image_file_read(const char *folder, const char *path, size_t max, buf_t *out);

#endif
