/* The weights of CLIP's tower, from the safetensors files of its folder. */
#ifndef SIDMILL_VISION_CLIP_WEIGHTS_H
#define SIDMILL_VISION_CLIP_WEIGHTS_H

#include <xxhash.h>

#include "nn/backend.h"
#include "vision/clip_config.h"

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

/* Reads the tower's weights as the backend's operands; what is wrong with them ends the process: see clip_open(). `digest` takes
 * in the files' digests. */
clip_weights_t clip_read_weights(const char *folder, const clip_config_t *c, const backend_t *b, XXH3_state_t *digest);
void clip_weights_free(clip_weights_t *w, const clip_config_t *c);

#endif
