/* CLIP's vision tower (Radford et al. 2021; a Vision Transformer, Dosovitskiy et al. 2021), read from a Hugging Face folder:
 * config.json, model.safetensors (or model.safetensors.index.json and the files that it names) and, where there is one,
 * preprocessor_config.json. Both CLIPModel folders and CLIPVisionModel ones, with or without projection, are known. */
#ifndef SIDMILL_VISION_CLIP_H
#define SIDMILL_VISION_CLIP_H

#include <stdint.h>

#include "nn/backend.h"
#include "vision/clip_config.h"

typedef struct clip clip_t;

/* Reads a folder. What is missing ends the process with EX_NOINPUT; damaged JSON, shapes that cannot be, tensors that are not
 * there or have other shapes, and asked-for features that this tower lacks, end it with EX_DATAERR. */
clip_t *clip_open(const char *folder, const backend_t *backend);
void clip_free(clip_t *c);

const clip_config_t *clip_config(const clip_t *c);
const clip_pixels_t *clip_pixels(const clip_t *c);

/* Digest (xxh3-128, hex) of everything that shapes the vectors: the files' bytes. Borrowed. */
const char *clip_digest(const clip_t *c);

/* The picture as the tower wants it but for the last step, which clip_pool() does: rgb [height, width, 3] resized and cut to
 * out [crop, crop, 3]. A pure function, for worker processes that decode. width and height are at least 1 and below 2^24. */
void clip_crop(const clip_pixels_t *p, const uint8_t *rgb, int64_t width, int64_t height, uint8_t *out);

/* Pictures that are best run together; the result of clip_pool() is cut into groups of so many. */
int64_t clip_batch(const clip_t *c);

/* The pooled output (transformers' pooler_output: the class token's final state, normalised; no projection) of pictures that
 * clip_crop() made, crops [pictures, crop, crop, 3]: pooled [pictures, hidden_size]. In parallel over groups of clip_batch()
 * pictures: the result does not depend on the number of threads. A picture's place in its group may show in the last bits,
 * because OpenBLAS has several kernels for the edges of a product. */
void clip_pool(clip_t *c, int64_t pictures, const uint8_t *crops, float *pooled);

#endif
