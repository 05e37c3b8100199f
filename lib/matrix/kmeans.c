#include "matrix/kmeans.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/rng.h"
#include "base/simd.h"
#include "nn/gemm.h"
#include "nn/optim.h"

enum {
    BLOCK = 256,  /* rows whose products with all centroids are held at once */
    FULL_LOAD = 3 /* log of the relative load that earns the whole bound */
};

SIMD_CLONES
static float dot(const float *a, const float *b, int64_t d)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < d; j++) sum += a[j] * b[j];
    return sum;
}

SIMD_CLONES
static float squared_distance(const float *a, const float *b, int64_t d)
{
    float sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t j = 0; j < d; j++) sum += (a[j] - b[j]) * (a[j] - b[j]);
    return sum;
}

void kmeans_nearest(int64_t n, int64_t d, int codes, const float *x, const float *centroids, const float *offset, int32_t *code,
                    int stride, float *distance)
{
    float *products = xfloats((size_t)BLOCK * (size_t)codes), *base = xfloats((size_t)codes);
    for (int k = 0; k < codes; k++) base[k] = dot(centroids + k * d, centroids + k * d, d) + (offset ? offset[k] : 0);
    for (int64_t begin = 0; begin < n; begin += BLOCK) {
        int64_t rows = n - begin < BLOCK ? n - begin : BLOCK;
        gemm_f32(false, true, rows, codes, d, -2, x + begin * d, centroids, 0, products);
        for (int64_t i = 0; i < rows; i++) {
            const float *p = products + i * codes;
            int best = 0;
            for (int k = 1; k < codes; k++)
                if (p[k] + base[k] < p[best] + base[best]) best = k;
            code[(begin + i) * stride] = best;
            if (distance) distance[begin + i] = squared_distance(x + (begin + i) * d, centroids + best * d, d);
        }
    }
    free(base);
    free(products);
}

void kmeans_balance(int codes, const int64_t *count, double bound, float *offset)
{
    double mean = 0;
    for (int k = 0; k < codes; k++) mean += (double)count[k] / codes;
    for (int k = 0; k < codes; k++) {
        double load = log(((double)count[k] + 1) / (mean + 1)) / FULL_LOAD;
        double target = bound * fmax(-1, fmin(1, load));
        offset[k] += (float)(0.25 * (target - (double)offset[k]));
    }
}

/* What one fit works with; per shard where a shard writes. */
typedef struct {
    const kmeans_t *o;
    int64_t n, d;
    const float *x;
    float *centroids, *offset;
    int32_t *code;       /* [n] */
    float *distance;     /* [n] */
    double *total;       /* [shards] of the distances */
    int64_t *changed;    /* [shards] rows that chose another centroid */
    float **sums;        /* [shards] [codes, d] */
    int64_t *count;      /* [shards, codes] */
    const float *seed;   /* the centroid just added, when seeding */
} fit_t;

/* Lowers every row's distance to its nearest seed by the latest one. */
static void seed_shard(void *ctx, int64_t shard, int worker)
{
    (void)worker;
    fit_t *f = ctx;
    int64_t begin, end;
    shard_rows(f->n, shard, f->o->shards, &begin, &end);
    double total = 0;
    for (int64_t i = begin; i < end; i++) {
        float d = squared_distance(f->x + i * f->d, f->seed, f->d);
        if (d < f->distance[i]) f->distance[i] = d;
        total += f->distance[i];
    }
    f->total[shard] = total;
}

static double sum(const double *x, int64_t n)
{
    double total = 0;
    for (int64_t i = 0; i < n; i++) total += x[i];
    return total;
}

/* Draws a row with probability proportional to its distance; uniformly where all are zero. */
static int64_t draw_row(const fit_t *f, uint64_t key, uint64_t index)
{
    double total = sum(f->total, f->o->shards);
    if (!(total > 0)) return (int64_t)rng_below(key, index, (uint64_t)f->n);
    double left = (double)(rng_u64(key, index) >> 11) * 0x1p-53 * total;
    int64_t shard = 0, begin, end, last = 0;
    while (shard + 1 < f->o->shards && left >= f->total[shard]) left -= f->total[shard++];
    shard_rows(f->n, shard, f->o->shards, &begin, &end);
    for (int64_t i = begin; i < end; i++) {
        if (f->distance[i] <= 0) continue;
        last = i;
        left -= f->distance[i];
        if (left < 0) break;
    }
    return last;
}

static void seed(fit_t *f)
{
    uint64_t key = rng_stream(f->o->key, "k-means++");
    for (int64_t i = 0; i < f->n; i++) f->distance[i] = INFINITY;
    for (int k = 0; k < f->o->codes; k++) {
        int64_t row = k ? draw_row(f, key, (uint64_t)k) : (int64_t)rng_below(key, 0, (uint64_t)f->n);
        memcpy(f->centroids + k * f->d, f->x + row * f->d, (size_t)f->d * sizeof(float));
        f->seed = f->centroids + k * f->d;
        parallel_for(f->o->shards, seed_shard, f);
    }
}

/* Assigns the shard's rows and adds them up by centroid. */
static void lloyd_shard(void *ctx, int64_t shard, int worker)
{
    (void)worker;
    fit_t *f = ctx;
    int codes = f->o->codes;
    int64_t begin, end, *count = f->count + shard * codes;
    shard_rows(f->n, shard, f->o->shards, &begin, &end);
    int32_t *before = xmalloc((size_t)(end - begin) * sizeof *before);
    memcpy(before, f->code + begin, (size_t)(end - begin) * sizeof *before);
    kmeans_nearest(end - begin, f->d, codes, f->x + begin * f->d, f->centroids, f->offset, f->code + begin, 1,
                   f->distance + begin);

    memset(f->sums[shard], 0, (size_t)(codes * f->d) * sizeof(float));
    memset(count, 0, (size_t)codes * sizeof *count);
    f->total[shard] = 0;
    f->changed[shard] = 0;
    for (int64_t i = begin; i < end; i++) {
        float *to = f->sums[shard] + f->code[i] * f->d;
        for (int64_t j = 0; j < f->d; j++) to[j] += f->x[i * f->d + j];
        count[f->code[i]]++;
        f->total[shard] += f->distance[i];
        f->changed[shard] += f->code[i] != before[i - begin];
    }
    free(before);
}

/* Adds the shards' counts into the first; returns the number of rows that changed. */
static int64_t gather_counts(fit_t *f)
{
    int64_t changed = 0;
    for (int s = 0; s < f->o->shards; s++) {
        changed += f->changed[s];
        for (int k = 0; s && k < f->o->codes; k++) f->count[k] += f->count[(int64_t)s * f->o->codes + k];
    }
    return changed;
}

/* Moves centroids to their means; those without rows go to rows drawn by their distance, each used once. */
static bool move_centroids(fit_t *f, int iteration)
{
    bool revived = false;
    uint64_t key = rng_key(rng_stream(f->o->key, "revival"), (uint64_t)iteration);
    for (int k = 0; k < f->o->codes; k++) {
        float *c = f->centroids + k * f->d;
        if (f->count[k] > 0) {
            float scale = 1.0f / (float)f->count[k];
            for (int64_t j = 0; j < f->d; j++) c[j] = f->sums[0][k * f->d + j] * scale;
            continue;
        }
        int64_t row = draw_row(f, key, (uint64_t)k);
        if (!(f->distance[row] > 0)) continue;
        memcpy(c, f->x + row * f->d, (size_t)f->d * sizeof(float));
        if (f->offset) f->offset[k] = 0;
        f->distance[row] = 0;
        revived = true;
    }
    return revived;
}

void kmeans_fit(const kmeans_t *o, int64_t n, int64_t d, const float *x, float *centroids, float *offset)
{
    size_t cells = size_mul((size_t)o->codes, (size_t)d);
    fit_t f = {.o = o, .n = n, .d = d, .x = x, .centroids = centroids, .offset = offset};
    f.code = NEW_ARRAY(int32_t, n);
    f.distance = xfloats((size_t)n);
    f.total = NEW_ARRAY(double, o->shards);
    f.changed = NEW_ARRAY(int64_t, o->shards);
    f.count = NEW_ARRAY(int64_t, (int64_t)o->shards * o->codes);
    f.sums = NEW_ARRAY(float *, o->shards);
    for (int s = 0; s < o->shards; s++) f.sums[s] = xfloats(cells);

    memset(offset, 0, (size_t)o->codes * sizeof *offset);
    seed(&f);
    for (int t = 0; t < o->iterations; t++) {
        parallel_for(o->shards, lloyd_shard, &f);
        int64_t changed = gather_counts(&f);
        double bound = o->balance * sum(f.total, o->shards) / (double)n;
        reduce_tree(f.sums, o->shards, (int64_t)cells);
        bool revived = move_centroids(&f, t);
        if (t && !changed && !revived) break;
        if (o->balance > 0) kmeans_balance(o->codes, f.count, bound, offset);
    }
    for (int s = 0; s < o->shards; s++) free(f.sums[s]);
    free(f.sums);
    free(f.count);
    free(f.changed);
    free(f.total);
    free(f.distance);
    free(f.code);
}
