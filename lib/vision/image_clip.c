#include "vision/image_clip.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "nn/vec.h"

enum { MIN_GROUPS = 16 }; /* gathered before the tower runs; more where there are many threads */

typedef struct {
    image_engine_t base;
    clip_t *clip;
    int64_t width;               /* of a vector */
    unsigned char *crops;        /* [room] gathered pictures */
    int64_t *row;                /* [room] their items */
    int64_t gathered, room;
    float *pooled;               /* [room, width] */
    float *vectors;              /* [capacity, width] */
    int64_t items, capacity;
} engine_t;

static void describe(const image_engine_t *base, const unsigned char *rgb, int width, int height, buf_t *descriptor)
{
    const engine_t *e = (const engine_t *)base;
    uint8_t *crop = xmalloc(e->base.descriptor_size);
    clip_crop(clip_pixels(e->clip), rgb, width, height, crop);
    buf_add(descriptor, crop, e->base.descriptor_size);
    free(crop);
}

/* x / |x|; a tower cannot give zero, short of weights that are. */
static void put_unit(int64_t n, const float *x, float *unit)
{
    float length = sqrtf(vec_dot(n, x, x));
    for (int64_t i = 0; i < n; i++) unit[i] = length > 0 ? x[i] / length : 0;
}

static void flush(engine_t *e)
{
    clip_pool(e->clip, e->gathered, e->crops, e->pooled);
    for (int64_t i = 0; i < e->gathered; i++) put_unit(e->width, e->pooled + i * e->width, e->vectors + e->row[i] * e->width);
    e->gathered = 0;
}

static void make_room(engine_t *e)
{
    int64_t groups = 2 * parallel_workers();
    e->room = (groups < MIN_GROUPS ? MIN_GROUPS : groups) * clip_batch(e->clip);
    e->crops = xreallocarray(NULL, (size_t)e->room, e->base.descriptor_size);
    e->row = NEW_ARRAY(int64_t, e->room);
    e->pooled = xfloats((size_t)(e->room * e->width));
}

static void add(image_engine_t *base, const void *descriptor)
{
    engine_t *e = (engine_t *)base;
    const size_t width = (size_t)e->width;
    if (!e->room) make_room(e);
    if (e->items == e->capacity) {
        e->capacity = e->capacity ? 2 * e->capacity : 1024;
        e->vectors = xreallocarray(e->vectors, (size_t)e->capacity, width * sizeof(float));
    }
    memset(e->vectors + e->items * e->width, 0, width * sizeof(float));
    if (descriptor) {
        memcpy(e->crops + (size_t)e->gathered * e->base.descriptor_size, descriptor, e->base.descriptor_size);
        e->row[e->gathered++] = e->items;
    }
    e->items++;
    if (e->gathered == e->room) flush(e);
}

static float *finish(image_engine_t *base, int64_t *dim)
{
    engine_t *e = (engine_t *)base;
    if (e->gathered) flush(e);
    float *vectors = e->vectors ? e->vectors : xfloats(1);
    e->vectors = NULL;
    e->items = e->capacity = 0;
    *dim = e->width;
    return vectors;
}

static void free_engine(image_engine_t *base)
{
    engine_t *e = (engine_t *)base;
    clip_free(e->clip);
    free(e->crops);
    free(e->row);
    free(e->pooled);
    free(e->vectors);
    free(e);
}

image_engine_t *clip_engine(const char *folder, const backend_t *backend)
{
    engine_t *e = NEW(engine_t);
    e->clip = clip_open(folder, backend);
    e->width = clip_config(e->clip)->hidden_size;
    int64_t side = clip_pixels(e->clip)->crop;
    e->base = (image_engine_t){.descriptor_size = (size_t)(side * side * 3), .describe = describe, .add = add, .finish = finish,
                               .free = free_engine};
    return &e->base;
}

const clip_t *clip_engine_tower(const image_engine_t *base) { return ((const engine_t *)base)->clip; }
