#include "sid/joined.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sid/features.h"

struct joined {
    int64_t n, text, image; /* items, and widths */
    int fields;
    field_rows_t *texts;
    float *images;          /* [n, image] */
    uint8_t *mask;          /* [n] */
};

/* Takes these items' images, less their mean. */
static void take_images(joined_t *e, const float *image, const uint8_t *mask, const int64_t *items)
{
    double *mean = NEW_ARRAY(double, e->image), with = 0;
    e->images = xfloats(size_mul((size_t)e->n, (size_t)e->image));
    e->mask = NEW_ARRAY(uint8_t, e->n);
    for (int64_t i = 0; i < e->n; i++) {
        e->mask[i] = mask[items[i]];
        with += e->mask[i];
        for (int64_t j = 0; e->mask[i] && j < e->image; j++) mean[j] += (double)image[items[i] * e->image + j];
    }
    for (int64_t i = 0; i < e->n; i++)
        for (int64_t j = 0; e->mask[i] && j < e->image; j++)
            e->images[i * e->image + j] = (float)((double)image[items[i] * e->image + j] - mean[j] / with);
    free(mean);
}

joined_t *joined_new(lsa_t *space, const field_texts_t *texts, int64_t image_width, const float *image, const uint8_t *mask, int64_t n,
                         const int64_t *items)
{
    joined_t *e = NEW(joined_t);
    *e = (joined_t){.n = n, .fields = texts->fields, .image = image ? image_width : 0, .texts = field_rows_new(space, texts, n, items)};
    e->text = field_rows_width(e->texts);
    if (image) take_images(e, image, mask, items);
    return e;
}

void joined_free(joined_t *e)
{
    field_rows_free(e->texts);
    free(e->images);
    free(e->mask);
    free(e);
}

int64_t joined_width(const joined_t *e) { return e->text + e->image; }

/* Multiplies a row's image by `scale`, and brings the row to length 1. */
static void scale_row(const joined_t *e, float scale, float *row)
{
    double square = 0;
    for (int64_t j = 0; j < e->image; j++) row[e->text + j] *= scale;
    for (int64_t j = 0; j < joined_width(e); j++) square += (double)row[j] * (double)row[j];
    for (int64_t j = 0; square > 0 && j < joined_width(e); j++) row[j] = (float)((double)row[j] / sqrt(square));
}

static void add_images(const joined_t *e, double weight, float *x)
{
    const int64_t width = joined_width(e);
    for (int64_t i = 0; i < e->n; i++) memcpy(x + i * width + e->text, e->images + i * e->image, (size_t)e->image * sizeof *x);
    const features_t f = {.items = e->n, .text = e->text, .image = e->image, .x = x, .has_image = e->mask};
    const float scale = weight > 0 ? (float)(sqrt(weight) * features_image_scale(&f)) : 0;
    for (int64_t i = 0; i < e->n; i++) scale_row(e, scale, x + i * width);
}

void joined_rows(const joined_t *e, const double *weight, float *x)
{
    field_rows_make(e->texts, weight, x, joined_width(e));
    if (e->image) add_images(e, weight[e->fields], x);
}
