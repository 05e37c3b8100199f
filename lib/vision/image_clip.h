/* CLIP as an image engine: a descriptor is the picture at the tower's size, a vector its pooled output brought to length 1. */
#ifndef SIDMILL_VISION_IMAGE_CLIP_H
#define SIDMILL_VISION_IMAGE_CLIP_H

#include "vision/clip.h"
#include "vision/image_engine.h"

/* An engine over the tower in `folder`; errors as clip_open() has them. free() frees the tower too. */
image_engine_t *clip_engine(const char *folder, const backend_t *backend);

/* The engine's tower. */
const clip_t *clip_engine_tower(const image_engine_t *e);

#endif
