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

/* Takes the mean of the rows whose `mask` is set off their columns [begin, begin + width); the others are left zero. */
static void centre(int64_t n, int64_t stride, int64_t begin, int64_t width, const uint8_t *mask, float *x)
{
    double *mean = NEW_ARRAY(double, width), count = 0;
    for (int64_t i = 0; i < n; i++) {
        count += mask[i];
        for (int64_t j = 0; mask[i] && j < width; j++) mean[j] += (double)x[i * stride + begin + j];
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; mask[i] && j < width; j++)
            x[i * stride + begin + j] = (float)((double)x[i * stride + begin + j] - mean[j] / count);
    free(mean);
}

static void take_images(joined_t *e, const float *image, const uint8_t *mask, const int64_t *items)
{
    e->images = xfloats(size_mul((size_t)e->n, (size_t)e->image));
    e->mask = NEW_ARRAY(uint8_t, e->n);
    for (int64_t i = 0; i < e->n; i++) {
        e->mask[i] = mask[items[i]];
        if (e->mask[i]) memcpy(e->images + i * e->image, image + items[i] * e->image, (size_t)e->image * sizeof *image);
    }
    centre(e->n, e->image, 0, e->image, e->mask, e->images);
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

/* Takes the texts' mean off, so that an item without text is as far from all as another is on average. */
static void centre_texts(const joined_t *e, float *x)
{
    const int64_t width = joined_width(e);
    uint8_t *mask = NEW_ARRAY(uint8_t, e->n);
    for (int64_t i = 0; i < e->n; i++)
        for (int64_t j = 0; j < e->text; j++) mask[i] |= x[i * width + j] != 0;
    centre(e->n, width, 0, e->text, mask, x);
    free(mask);
}

/* Puts the images beside the texts, as far apart as texts are, times the root of their weight. */
static void add_images(const joined_t *e, double weight, float *x)
{
    const int64_t width = joined_width(e);
    for (int64_t i = 0; i < e->n; i++) memcpy(x + i * width + e->text, e->images + i * e->image, (size_t)e->image * sizeof *x);
    const features_t f = {.items = e->n, .text = e->text, .image = e->image, .x = x, .has_image = e->mask};
    const float scale = weight > 0 ? (float)(sqrt(weight) * features_image_scale(&f)) : 0;
    for (int64_t i = 0; i < e->n; i++)
        for (int64_t j = e->text; j < width; j++) x[i * width + j] *= scale;
}

static void to_length_one(int64_t n, float *row)
{
    double square = 0;
    for (int64_t j = 0; j < n; j++) square += (double)row[j] * (double)row[j];
    const float scale = square > 1e-10 ? (float)(1 / sqrt(square)) : 0;
    for (int64_t j = 0; j < n; j++) row[j] *= scale;
}

void joined_rows(const joined_t *e, const double *weight, float *x)
{
    field_rows_make(e->texts, weight, x, joined_width(e));
    centre_texts(e, x);
    if (e->image) add_images(e, weight[e->fields], x);
    for (int64_t i = 0; i < e->n; i++) to_length_one(joined_width(e), x + i * joined_width(e));
}
