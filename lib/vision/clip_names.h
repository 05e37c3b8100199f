/* What the tensors of CLIP's tower are called: by Hugging Face, with or without something before the names, or by open_clip. */
#ifndef SIDMILL_VISION_CLIP_NAMES_H
#define SIDMILL_VISION_CLIP_NAMES_H

#include <stdbool.h>

typedef struct {
    const char *patch, *class_token, *position, *pre, *post;        /* after the prefix; norms without .weight and .bias */
    const char *layers;                                             /* a layer's number follows */
    const char *norm1, *norm2, *out, *fc1, *fc2;                    /* of a layer */
    const char *qkv[3];                                             /* one after the other; or one tensor for all, and NULL */
    const char *weight, *bias;                                      /* what ends the names of qkv */
} clip_scheme_t;

typedef struct {
    const clip_scheme_t *scheme;
    char *prefix;                   /* owned */
} clip_names_t;

/* Finds out how the tensors are called, by their names. What is no CLIP tower, by its
 * tensors' names, ends the process with EX_DATAERR and `file`'s name: SigLIP's, timm's, a tower of other layers, or none at all, or
 * several. */
clip_names_t clip_names_find(const char *const *names, int count, const char *file);

/* The prefix and two pieces of a name. Caller frees. */
char *clip_name(const clip_names_t *n, const char *piece, const char *tail);

#endif
