#include "vision/image_builtin.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/jsonlog.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "matrix/pca.h"
#include "vision/image_features.h"

enum { BATCH = 4096, ROWS = 64 }; /* images that wait to be projected together; rows a shard */

typedef struct {
    image_engine_t engine;
    pca_t pca;
    bool fitted;
    uint8_t *present;                /* [items] */
    int64_t items, items_cap;
    float *x;                        /* [images, IMAGE_FEATURES] of images that are not projected yet */
    int64_t images, images_cap;
    float *rows;                     /* [projected, dim] */
    int64_t projected, rows_cap;
} builtin_t;

static void describe(const image_engine_t *e, const unsigned char *rgb, int width, int height, buf_t *descriptor)
{
    (void)e;
    float f[IMAGE_FEATURES];
    image_features(rgb, width, height, f);
    buf_add(descriptor, f, sizeof f);
}

struct projection {
    const builtin_t *b;
    float *to;
};

static void project_shard(void *ctx, int64_t shard, int worker)
{
    (void)worker;
    const struct projection *p = ctx;
    int64_t end = (shard + 1) * ROWS < p->b->images ? (shard + 1) * ROWS : p->b->images;
    for (int64_t i = shard * ROWS; i < end; i++)
        pca_row(&p->b->pca, p->b->x + i * IMAGE_FEATURES, p->to + i * p->b->pca.dim);
}

/* The images at hand become rows. */
static void project(builtin_t *b)
{
    int64_t total = b->projected + b->images;
    if (total > b->rows_cap) {
        b->rows_cap = 2 * total;
        b->rows = xreallocarray(b->rows, size_mul((size_t)b->rows_cap, (size_t)b->pca.dim), sizeof(float));
    }
    struct projection p = {b, b->rows + b->projected * b->pca.dim};
    parallel_for((b->images + ROWS - 1) / ROWS, project_shard, &p);
    b->projected = total;
    b->images = 0;
}

static void add(image_engine_t *e, const void *descriptor)
{
    builtin_t *b = (builtin_t *)e;
    GROW(b->present, b->items, b->items_cap);
    b->present[b->items++] = descriptor != NULL;
    if (!descriptor) return;
    if (b->fitted && b->images == BATCH) project(b);
    if (b->images == b->images_cap) {
        b->images_cap = b->images_cap ? 2 * b->images_cap : 256;
        b->x = xreallocarray(b->x, size_mul((size_t)b->images_cap, IMAGE_FEATURES), sizeof(float));
    }
    float *f = b->x + b->images * IMAGE_FEATURES;
    memcpy(f, descriptor, IMAGE_FEATURES * sizeof *f);
    for (int i = 0; i < IMAGE_FEATURES; i++) /* a worker that was taken over may say anything; features are -1 to 1 */
        if (!(fabsf(f[i]) <= 1)) f[i] = 0;
    b->images++;
}

static void fit_components(builtin_t *b)
{
    b->pca = pca_fit(b->images, IMAGE_FEATURES, b->x, b->pca.dim, b->pca.exponent);
    b->fitted = true;
    note("%lld images of %lld items; %lld dimensions hold %.1f%% of their variance", (long long)b->images, (long long)b->items,
         (long long)b->pca.rank, 100 * b->pca.share);
    if (b->pca.rank < b->pca.dim)
        note("the images span %lld dimensions only: columns %lld to %lld are zero", (long long)b->pca.rank,
             (long long)b->pca.rank, (long long)b->pca.dim - 1);
    jsonlog("{\"images\":%lld,\"items\":%lld,\"rank\":%lld,\"share\":%.6g}", (long long)b->images, (long long)b->items,
            (long long)b->pca.rank, b->pca.share);
}

static void fit(image_engine_t *e)
{
    builtin_t *b = (builtin_t *)e;
    fit_components(b);
    b->images = b->items = 0;
}

static float *finish(image_engine_t *e, int64_t *dim)
{
    builtin_t *b = (builtin_t *)e;
    if (!b->fitted) fit_components(b);
    project(b);
    *dim = b->pca.dim;
    float *out = xfloats(size_mul((size_t)b->items, (size_t)*dim));
    for (int64_t i = 0, row = 0; i < b->items; i++)
        if (b->present[i]) memcpy(out + i * *dim, b->rows + row++ * *dim, (size_t)*dim * sizeof *out);
    b->items = b->projected = 0;
    return out;
}

static void save(image_engine_t *e, st_writer_t *w) { pca_save(&((builtin_t *)e)->pca, w, "image"); }

static void free_engine(image_engine_t *e)
{
    builtin_t *b = (builtin_t *)e;
    pca_free(&b->pca);
    free(b->present);
    free(b->x);
    free(b->rows);
    free(b);
}

static builtin_t *new_engine(void)
{
    builtin_t *b = NEW(builtin_t);
    b->engine = (image_engine_t){
        .descriptor_size = IMAGE_FEATURES * sizeof(float), .describe = describe, .add = add, .finish = finish,
        .free = free_engine, .fit = fit, .save = save,
    };
    return b;
}

image_engine_t *image_builtin(int64_t dim, double exponent)
{
    builtin_t *b = new_engine();
    b->pca.dim = dim;
    b->pca.exponent = exponent;
    return &b->engine;
}

image_engine_t *image_builtin_load(const st_file_t *f)
{
    builtin_t *b = new_engine();
    b->pca = pca_load(f, "image", IMAGE_FEATURES);
    b->fitted = true;
    return &b->engine;
}
