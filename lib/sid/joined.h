/* Text and images of some items side by side, as a quantiser would see them, whatever the image weighs. */
#ifndef SIDMILL_SID_JOINED_H
#define SIDMILL_SID_JOINED_H

#include <stdint.h>

/* Images of the items; begins as {.n = items} where there are none. */
typedef struct {
    int64_t n, width;
    float *image;  /* [n, width], less their mean; zero where there is none */
    uint8_t *mask; /* [n] */
} joined_t;

/* Takes the images of `n` items (rows of the catalogue) out of those of all, image [all items, width] and mask [all items]. */
joined_t joined_new(int64_t width, const float *image, const uint8_t *mask, int64_t n, const int64_t *items);
void joined_free(joined_t *j);

/* Joins: of rows x [n, text + j->width] the first `text` columns hold the text's, of length 1 or zero. Afterwards a row is the
 * direction of [t ; sqrt(weight) v], of length 1, or zero: t is the text's less the mean of all that have text, v the image's,
 * scaled so that images vary as much as these texts do (features_image_scale()). */
void joined_rows(const joined_t *j, int64_t text, double weight, float *x);

#endif
