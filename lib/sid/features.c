#include "sid/features.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"

/* Puts parts [items, left] and [items, right] side by side; frees both. */
static float *beside(int64_t items, float *a, int64_t left, float *b, int64_t right)
{
    float *both = xfloats(size_mul((size_t)items, size_add((size_t)left, (size_t)right)));
    for (int64_t i = 0; i < items; i++) {
        float *row = both + i * (left + right);
        if (left) memcpy(row, a + i * left, (size_t)left * sizeof(float));
        if (right && b) memcpy(row + left, b + i * right, (size_t)right * sizeof(float));
    }
    free(a);
    free(b);
    return both;
}

/* Takes the next of comma-separated names; NULL after the last. Caller frees. */
static char *next_name(const char **list)
{
    if (!*list) return NULL;
    size_t n = strcspn(*list, ",");
    char *name = xstrndup(*list, n);
    *list = (*list)[n] ? *list + n + 1 : NULL;
    if (!n) die(EX_USAGE, "an empty name in the list of tensors, expected names separated by commas");
    return name;
}

static void read_text(const st_file_t *f, const char *tensors, features_t *e)
{
    for (char *name; (name = next_name(&tensors));) {
        int64_t shape[2] = {e->x ? e->items : -1, -1};
        float *x = st_need_f32(f, name, 2, shape);
        if (shape[0] < 1 || shape[0] > INT32_MAX || shape[1] < 1)
            die_at(f->name, 0, "%s: %lld x %lld, expected 1 or more items of 1 or more dimensions", name, (long long)shape[0],
                   (long long)shape[1]);
        e->items = shape[0];
        e->x = e->x ? beside(e->items, e->x, e->text, x, shape[1]) : x;
        e->text += shape[1];
        free(name);
    }
}

static void read_image(const st_file_t *f, features_t *e)
{
    if (!st_find(f, "image")) {
        if (st_find(f, "image_mask")) die_at(f->name, 0, "tensor 'image_mask' without 'image'");
        return;
    }
    int64_t shape[2] = {e->items, -1}, rows[1] = {e->items};
    float *image = st_need_f32(f, "image", 2, shape);
    uint8_t *mask = st_find(f, "image_mask") ? st_need_u8(f, "image_mask", 1, rows) : NULL;
    if (!mask) memset(mask = xmalloc((size_t)e->items), 1, (size_t)e->items);
    for (int64_t i = 0; i < e->items; i++) {
        if (mask[i] > 1) st_bad(f, "image_mask", "row %lld holds %d, expected 0 or 1", (long long)i, mask[i]);
        if (mask[i]) e->with_image++;
        else memset(image + i * shape[1], 0, (size_t)shape[1] * sizeof(float));
    }
    if (!e->with_image || !shape[1]) {
        e->with_image = 0;
        free(image);
        free(mask);
        return;
    }
    e->x = beside(e->items, e->x, e->text, image, shape[1]);
    e->image = shape[1];
    e->has_image = mask;
}

static void read_intents(const st_file_t *f, features_t *e)
{
    int64_t shape[2] = {e->items, -1};
    e->intents = st_need_f32(f, "intent", 2, shape);
    if (shape[1] < 1) st_bad(f, "intent", "no dimensions, expected 1 or more");
    e->intent = shape[1];
    e->has_intent = xcalloc((size_t)e->items, 1);
    for (int64_t i = 0; i < e->items; i++) {
        const float *y = e->intents + i * e->intent;
        for (int64_t j = 0; j < e->intent; j++) e->has_intent[i] |= y[j] != 0;
        e->with_intent += e->has_intent[i];
    }
}

features_t features_read(const st_file_t *f, const features_wanted_t *wanted)
{
    st_check_schema(f, "embeddings/1");
    features_t e = {.tensors = wanted->tensors};
    read_text(f, wanted->tensors, &e);
    e.ids = st_need_ids(f, "item_ids", e.items);
    if (wanted->image) read_image(f, &e);
    if (wanted->intent) read_intents(f, &e);
    return e;
}

void features_free(features_t *e)
{
    free(e->x);
    free(e->has_image);
    free(e->intents);
    free(e->has_intent);
    strtab_free(&e->ids);
    *e = (features_t){0};
}

/* Computes the mean squared distance to the mean of columns [begin, end) of the rows that `present` names. */
static double variance(const features_t *e, int64_t begin, int64_t end, const uint8_t *present)
{
    int64_t stride = e->text + e->image, count = 0;
    double *sum = NEW_ARRAY(double, end - begin), squares = 0;
    for (int64_t i = 0; i < e->items; i++) {
        if (present && !present[i]) continue;
        count++;
        for (int64_t j = begin; j < end; j++) {
            double v = (double)e->x[i * stride + j];
            sum[j - begin] += v;
            squares += v * v;
        }
    }
    for (int64_t j = 0; count && j < end - begin; j++) squares -= sum[j] * sum[j] / (double)count;
    free(sum);
    return count ? squares / (double)count : 0;
}

double features_image_scale(const features_t *e)
{
    double text = variance(e, 0, e->text, NULL), image = variance(e, e->text, e->text + e->image, e->has_image);
    return text > 1e-12 && image > 1e-12 ? sqrt(text / image) : 1;
}

static void drop_image(features_t *e)
{
    int64_t stride = e->text + e->image;
    for (int64_t i = 1; i < e->items; i++) memmove(e->x + i * e->text, e->x + i * stride, (size_t)e->text * sizeof(float));
    free(e->has_image);
    e->has_image = NULL;
    e->image = e->with_image = 0;
}

static void need_width(const st_file_t *f, const char *name, int64_t found, int64_t expected, const char *quantiser_name)
{
    if (found == expected) return;
    die_at(f->name, 0, "%s: %lld dimensions, expected the %lld that %s was made from", name, (long long)found,
           (long long)expected, quantiser_name);
}

static void drop_intents(features_t *e)
{
    free(e->intents);
    free(e->has_intent);
    e->intents = NULL;
    e->has_intent = NULL;
    e->intent = e->with_intent = 0;
}

void features_fit(features_t *e, const quantiser_t *q, const st_file_t *f, const char *quantiser_name)
{
    need_width(f, e->tensors, e->text, q->text, quantiser_name);
    if (e->image && !q->image) drop_image(e);
    if (e->image) need_width(f, "image", e->image, q->image, quantiser_name);
    if (e->intent && q->intent) need_width(f, "intent", e->intent, q->intent, quantiser_name);
    if (!q->intent) drop_intents(e);
    if (!e->image && q->image) {
        e->x = beside(e->items, e->x, e->text, NULL, q->image);
        e->image = q->image;
        e->has_image = xcalloc((size_t)e->items, 1);
    }
    for (int64_t i = 0; i < e->items; i++)
        for (int64_t j = 0; j < e->image; j++) e->x[i * q->width + e->text + j] *= q->image_scale[j];
}

/* Adds the id of e's item `row` to those of `to`, and counts what it has. */
static void take_item(features_t *to, const features_t *e, int64_t row)
{
    size_t n;
    const char *id = strtab_get(&e->ids, row, &n);
    strtab_add(&to->ids, id, n);
    to->with_image += e->has_image && e->has_image[row];
    to->with_intent += e->has_intent && e->has_intent[row];
}

/* Copies the rows named of an array, if there is one. */
static void *copy_rows(const void *array, size_t bytes, int64_t n, const int64_t *rows)
{
    if (!array) return NULL;
    char *copy = xmalloc(size_mul((size_t)n, bytes));
    for (int64_t i = 0; i < n; i++) memcpy(copy + (size_t)i * bytes, (const char *)array + (size_t)rows[i] * bytes, bytes);
    return copy;
}

features_t features_sample(const features_t *e, int64_t n, uint64_t seed)
{
    int64_t *rows = NEW_ARRAY(int64_t, e->items);
    for (int64_t i = 0; i < e->items; i++) rows[i] = i;
    rng_sample(rng_stream(seed, "sample-items"), rows, e->items, n);
    features_t s = *e;
    s.items = n;
    s.x = copy_rows(e->x, (size_t)(e->text + e->image) * sizeof *e->x, n, rows);
    s.has_image = copy_rows(e->has_image, 1, n, rows);
    s.intents = copy_rows(e->intents, (size_t)e->intent * sizeof *e->intents, n, rows);
    s.has_intent = copy_rows(e->has_intent, 1, n, rows);
    s.with_image = s.with_intent = 0;
    s.ids = (strtab_t){0};
    for (int64_t i = 0; i < n; i++) take_item(&s, e, rows[i]);
    free(rows);
    return s;
}

/* Moves row `from` of an array, if there is one, to row `to`. */
static void move_row(void *array, int64_t bytes, int64_t from, int64_t to)
{
    if (array) memmove((char *)array + to * bytes, (char *)array + from * bytes, (size_t)bytes);
}

void features_keep(features_t *e, const bool *keep)
{
    features_t taken = {0};
    int64_t kept = 0;
    for (int64_t i = 0; i < e->items; i++) {
        if (!keep[i]) continue;
        take_item(&taken, e, i);
        move_row(e->x, (e->text + e->image) * (int64_t)sizeof(float), i, kept);
        move_row(e->has_image, 1, i, kept);
        move_row(e->intents, e->intent * (int64_t)sizeof(float), i, kept);
        move_row(e->has_intent, 1, i, kept);
        kept++;
    }
    strtab_free(&e->ids);
    e->ids = taken.ids;
    e->with_image = taken.with_image;
    e->with_intent = taken.with_intent;
    e->items = kept;
}

quantiser_rows_t features_rows(const features_t *e)
{
    return (quantiser_rows_t){.x = e->x, .has_image = e->has_image, .intents = e->intents, .has_intent = e->has_intent};
}
