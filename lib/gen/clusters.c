#include "gen/clusters.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "matrix/kmeans.h"
#include "nn/vec.h"

enum { ITERATIONS = 20 };

clusters_t clusters_new(int levels, int codes, int clusters, int64_t width)
{
    clusters_t c = {.levels = levels, .codes = codes, .clusters = clusters, .width = width};
    c.centroids = xfloats(size_mul(size_mul((size_t)levels, (size_t)clusters), (size_t)width));
    c.of = NEW_ARRAY(int32_t, (int64_t)size_mul((size_t)levels, (size_t)codes));
    return c;
}

void clusters_free(clusters_t *c)
{
    free(c->centroids);
    free(c->of);
    *c = (clusters_t){0};
}

void clusters_fit(clusters_t *c, const float *vectors, int shards, uint64_t key)
{
    float *offset = xfloats((size_t)c->clusters);
    for (int l = 0; l < c->levels; l++) {
        const float *x = vectors + (int64_t)l * c->codes * c->width;
        float *centroids = c->centroids + (int64_t)l * c->clusters * c->width;
        const kmeans_t o = {.codes = c->clusters, .iterations = ITERATIONS, .shards = shards, .key = rng_key(key, (uint64_t)l)};
        kmeans_fit(&o, c->codes, c->width, x, centroids, offset);
        kmeans_nearest(c->codes, c->width, c->clusters, x, centroids, NULL, c->of + (int64_t)l * c->codes, 1, NULL);
        for (int k = 0; k < c->clusters; k++) vec_to_length_one(c->width, centroids + k * c->width);
    }
    free(offset);
}

void clusters_fields(clusters_t *c, checkpoint_t *to)
{
    checkpoint_add(to, "clusters", "centroids", ST_F32, (int64_t)c->levels * c->clusters * c->width, c->centroids);
    checkpoint_add(to, "clusters", "of", ST_I32, (int64_t)c->levels * c->codes, c->of);
}

bool clusters_sound(const clusters_t *c)
{
    for (int64_t i = 0; i < (int64_t)c->levels * c->codes; i++)
        if (c->of[i] < 0 || c->of[i] >= c->clusters) return false;
    return true;
}
