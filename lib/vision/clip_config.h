/* What a folder says of CLIP's vision tower: its shape, and what becomes of a picture before the tower sees it. */
#ifndef SIDMILL_VISION_CLIP_CONFIG_H
#define SIDMILL_VISION_CLIP_CONFIG_H

#include <stdbool.h>
#include <stdint.h>
#include <xxhash.h>

#include "nn/ops.h"

enum { CLIP_CHANNELS = 3 };

/* The tower's shape, under the names of config.json. */
typedef struct {
    int64_t hidden_size, intermediate_size, num_hidden_layers, num_attention_heads, image_size, patch_size;
    double layer_norm_eps;
    activation_t hidden_act;
} clip_config_t;

/* What becomes of a picture before the tower sees it: resized (the shorter side to `shortest`, or to width x height where
 * `shortest` is 0), the centre cut out, and each value v turned into (v * rescale - mean) / deviation. */
typedef struct {
    int64_t shortest, width, height, crop; /* crop: the side of the square cut out, which is the tower's image_size */
    double rescale, mean[CLIP_CHANNELS], deviation[CLIP_CHANNELS];
} clip_pixels_t;

/* Tokens of a picture: its patches and the class token. */
static inline int64_t clip_tokens(const clip_config_t *c)
{
    int64_t side = c->image_size / c->patch_size;
    return side * side + 1;
}

/* True if the folder is open_clip's own: open_clip_config.json and no config.json. */
bool clip_is_open_clip(const char *folder);

/* Reads config.json, and what becomes of pictures from preprocessor_config.json or, in newer folders, processor_config.json; or both
 * from open_clip_config.json. What is missing or wrong, or not CLIP's, ends the process: see clip_open(). `digest` takes in the files'
 * bytes. */
clip_config_t clip_read_config(const char *folder, XXH3_state_t *digest);
clip_pixels_t clip_read_pixels(const char *folder, const clip_config_t *c, XXH3_state_t *digest);

#endif
