/* What of an embeddings/1 file a quantiser sees: text, image and intents of every item. */
#ifndef SIDMILL_SID_FEATURES_H
#define SIDMILL_SID_FEATURES_H

#include <stdbool.h>
#include <stdint.h>

#include "data/st.h"
#include "sid/quantiser.h"

/* What to read. */
typedef struct {
    const char *tensors; /* names separated by commas: put side by side they are e_text */
    bool image, intent;  /* read tensors `image` and `intent` */
} features_wanted_t;

typedef struct {
    int64_t items, text, image, intent; /* items, and widths; 0: not there */
    float *x;            /* [items, text + image], the image part zero where an item has none */
    uint8_t *has_image;  /* [items]; NULL where image is 0 */
    float *intents;      /* [items, intent] or NULL */
    uint8_t *has_intent; /* [items]: rows of `intents` that are not all zero */
    int64_t with_image, with_intent; /* how many have one */
    strtab_t ids;
    const char *tensors; /* as wanted; borrowed */
} features_t;

/* Reads and checks; a file that lacks a tensor of `tensors`, or `intent` where it is wanted, ends the process with EX_DATAERR.
 * `image` may be absent, or have no item (image_mask all 0): then there is no image part. */
features_t features_read(const st_file_t *f, const features_wanted_t *wanted);
void features_free(features_t *e);

/* Finds the factor that makes images vary about their mean as much as texts do about theirs: sqrt of the ratio of mean squared
 * distances. 1 where either does not vary. */
double features_image_scale(const features_t *e);

/* Makes the rows those of quantiser q: the image part multiplied by its image_scale, zero if this file has none, dropped if q
 * takes none; intents are dropped if q reconstructs none. Widths that differ end the process with EX_DATAERR, naming both
 * files. */
void features_fit(features_t *e, const quantiser_t *q, const st_file_t *f, const char *quantiser_name);

/* A copy of `n` of the items, drawn by `seed`, in their order. n from 1 to e->items. */
features_t features_sample(const features_t *e, int64_t n, uint64_t seed);

/* Keeps the items whose `keep` is set. */
void features_keep(features_t *e, const bool *keep);

quantiser_rows_t features_rows(const features_t *e);

#endif
