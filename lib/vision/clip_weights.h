/* The weights of CLIP's tower, from the safetensors files of its folder. */
#ifndef SIDMILL_VISION_CLIP_WEIGHTS_H
#define SIDMILL_VISION_CLIP_WEIGHTS_H

#include <xxhash.h>

#include "nn/linear.h"
#include "vision/clip_config.h"

/* A product without bias: what follows it adds the bias, together with the activation or the states that went before, in one
 * pass over the rows. */
typedef struct {
    linear_t product;
    int bias; /* vector */
} clip_linear_t;

typedef struct {
    int gain, bias; /* vectors */
} clip_norm_t;

typedef struct {
    clip_norm_t norm1, norm2;
    clip_linear_t qkv, out, fc1, fc2; /* qkv: q, k and v one below the other */
} clip_layer_t;

/* Blocks under the tensors' names, all frozen. Matrices are apart from vectors, so that their floats can be freed where the backend
 * has operands of its own. */
typedef struct {
    params_t matrices, vectors;
    weights_t operands;  /* of the matrices */
    linear_t patch;      /* [hidden, 3 * patch * patch] */
    int class_token;     /* vector [hidden] */
    int position;        /* vectors [tokens, hidden] */
    clip_norm_t pre, post;
    clip_layer_t *layers;
} clip_weights_t;

/* Reads the tower's weights; what is wrong with them ends the process: see clip_open(). `digest` takes in the files' digests. */
clip_weights_t *clip_weights_read(const char *folder, const clip_config_t *c, const backend_t *b, XXH3_state_t *digest);
void clip_weights_free(clip_weights_t *w);

/* The values of a vector. */
static inline const float *clip_vector(const clip_weights_t *w, int vector) { return params_values(&w->vectors, vector); }

#endif
