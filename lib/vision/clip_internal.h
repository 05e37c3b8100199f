/* What the parts of CLIP's tower share. */
#ifndef SIDMILL_VISION_CLIP_INTERNAL_H
#define SIDMILL_VISION_CLIP_INTERNAL_H

#include "vision/clip.h"

enum { CLIP_CHANNELS = 3 };

/* A linear layer y = x W^T + b: W [out, in] as an operand. */
typedef struct {
    operand_t *weight;
    float *bias;
} clip_linear_t;

typedef struct {
    float *gain, *bias;
} clip_norm_t;

typedef struct {
    clip_norm_t norm1, norm2;
    clip_linear_t qkv, out, fc1, fc2; /* qkv: q, k and v one below the other */
} clip_layer_t;

typedef struct {
    operand_t *patch;       /* [hidden, 3 * patch * patch] */
    float *class_token;     /* [hidden] */
    float *position;        /* [tokens, hidden] */
    clip_norm_t pre, post;
    clip_layer_t *layers;
} clip_weights_t;

/* Tokens of a picture: its patches and the class token. */
static inline int64_t clip_tokens(const clip_config_t *c)
{
    int64_t side = c->image_size / c->patch_size;
    return side * side + 1;
}

/* config.json and preprocessor_config.json of a folder, checked; see clip_open(). `digest_state` takes in their bytes. */
struct XXH3_state_s;
clip_config_t clip_read_config(const char *folder, struct XXH3_state_s *digest);
clip_pixels_t clip_read_pixels(const char *folder, const clip_config_t *c, struct XXH3_state_s *digest);

/* The tower's weights as the backend's operands. */
clip_weights_t clip_read_weights(const char *folder, const clip_config_t *c, const backend_t *b, struct XXH3_state_s *digest);
void clip_weights_free(clip_weights_t *w, const clip_config_t *c);

#endif
