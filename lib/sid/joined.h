/* What is known of some items, as the rows that a quantiser would see, whatever its parts weigh: the text's fields and the image. */
#ifndef SIDMILL_SID_JOINED_H
#define SIDMILL_SID_JOINED_H

#include <stdint.h>

#include "text/field_rows.h"

typedef struct joined joined_t;

/* Of `n` items (rows of the catalogue), the texts in a fitted space, and images [all items, image_width] with their mask [all items];
 * `image` NULL: none. Everything is needed for this call only. */
joined_t *joined_new(lsa_t *space, const field_texts_t *texts, int64_t image_width, const float *image, const uint8_t *mask, int64_t n,
                         const int64_t *items);
void joined_free(joined_t *e);

int64_t joined_width(const joined_t *e);

/* Makes rows x [n, width], of length 1 or zero: the direction of [t ; sqrt(w) v], where the fields weigh as `weight` [fields + 1] says,
 * and w, the last weight, is the image's. t is the text's row less the mean of all that have text, v likewise the image's, scaled so
 * that images vary as much as these texts do (features_image_scale()); zero where there is none. */
void joined_rows(const joined_t *e, const double *weight, float *x);

#endif
