/* The image engine without weights: vision/image_features.h, in the principal components of the catalogue's own. */
#ifndef SIDMILL_VISION_IMAGE_BUILTIN_H
#define SIDMILL_VISION_IMAGE_BUILTIN_H

#include <stdint.h>

#include "data/st.h"
#include "vision/image_engine.h"

/* An engine that is fitted to the images it sees: their `dim` first principal components, weighted by their standard
 * deviation ^ exponent (0: whitened). Prints what it finds with note(). */
image_engine_t *image_builtin(int64_t dim, double exponent);

/* One whose components are those that save() wrote to a file. */
image_engine_t *image_builtin_load(const st_file_t *f);

#endif
