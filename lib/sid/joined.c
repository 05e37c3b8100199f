#include "sid/joined.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "sid/features.h"
#include "nn/vec.h"

/* Takes the mean of the rows whose `mask` is set off their first `width` columns; the others are left as they are. */
static void centre(int64_t n, int64_t stride, int64_t width, const uint8_t *mask, float *x)
{
    double *mean = NEW_ARRAY(double, width), count = 0;
    for (int64_t i = 0; i < n; i++) {
        count += mask[i];
        for (int64_t j = 0; mask[i] && j < width; j++) mean[j] += (double)x[i * stride + j];
    }
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; mask[i] && j < width; j++) x[i * stride + j] = (float)((double)x[i * stride + j] - mean[j] / count);
    free(mean);
}

joined_t joined_new(int64_t width, const float *image, const uint8_t *mask, int64_t n, const int64_t *items)
{
    joined_t j = {.n = n, .width = width, .image = xfloats(size_mul((size_t)n, (size_t)width)), .mask = NEW_ARRAY(uint8_t, n)};
    for (int64_t i = 0; i < n; i++) {
        j.mask[i] = mask[items[i]];
        if (j.mask[i]) memcpy(j.image + i * width, image + items[i] * width, (size_t)width * sizeof *image);
    }
    centre(n, width, width, j.mask, j.image);
    return j;
}

void joined_free(joined_t *j)
{
    free(j->image);
    free(j->mask);
    *j = (joined_t){0};
}

/* Takes the texts' mean off, so that an item without text is as far from all as another is on average. */
static void centre_texts(const joined_t *j, int64_t text, float *x)
{
    const int64_t stride = text + j->width;
    uint8_t *mask = NEW_ARRAY(uint8_t, j->n);
    for (int64_t i = 0; i < j->n; i++)
        for (int64_t k = 0; k < text; k++) mask[i] |= x[i * stride + k] != 0;
    centre(j->n, stride, text, mask, x);
    free(mask);
}

/* Puts the images beside the texts, as far apart as texts are, times the root of their weight. */
static void add_images(const joined_t *j, int64_t text, double weight, float *x)
{
    const int64_t stride = text + j->width;
    for (int64_t i = 0; i < j->n; i++) memcpy(x + i * stride + text, j->image + i * j->width, (size_t)j->width * sizeof *x);
    const features_t f = {.items = j->n, .text = text, .image = j->width, .x = x, .has_image = j->mask};
    const float scale = weight > 0 ? (float)(sqrt(weight) * features_image_scale(&f)) : 0;
    for (int64_t i = 0; i < j->n; i++)
        for (int64_t k = text; k < stride; k++) x[i * stride + k] *= scale;
}

void joined_rows(const joined_t *j, int64_t text, double weight, float *x)
{
    centre_texts(j, text, x);
    if (j->width) add_images(j, text, weight, x);
    for (int64_t i = 0; i < j->n; i++) vec_to_length_one(text + j->width, x + i * (text + j->width));
}
