#include "nn/optim.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "base/simd.h"
#include "nn/vec.h"

enum { SLICE = 1 << 15 };

SIMD_CLONES
void adamw_step(const adamw_t *o, int64_t step, double scale, int64_t n, float *w, const float *grad, float *m, float *v)
{
    const float b1 = (float)o->beta1, b2 = (float)o->beta2, s = (float)scale, eps = (float)o->eps;
    const float rate = (float)(o->lr / (1 - pow(o->beta1, (double)step)));
    const float second = (float)(1 / sqrt(1 - pow(o->beta2, (double)step)));
    const float keep = (float)(1 - o->lr * o->weight_decay);
#pragma omp simd
    for (int64_t i = 0; i < n; i++) {
        float g = grad[i] * s;
        m[i] = b1 * m[i] + (1 - b1) * g;
        v[i] = b2 * v[i] + (1 - b2) * g * g;
        w[i] = keep * w[i] - rate * m[i] / (sqrtf(v[i]) * second + eps);
    }
}

struct reduction {
    float *const *parts;
    int count;
    int64_t n;
};

static void reduce_slice(void *ctx, int64_t slice, int worker)
{
    (void)worker;
    const struct reduction *r = ctx;
    int64_t begin = slice * SLICE, n = r->n - begin < SLICE ? r->n - begin : SLICE;
    for (int gap = 1; gap < r->count; gap *= 2)
        for (int i = 0; i + gap < r->count; i += 2 * gap) vec_add(n, r->parts[i + gap] + begin, r->parts[i] + begin);
}

void reduce_tree(float *const *parts, int count, int64_t n)
{
    struct reduction r = {parts, count, n};
    parallel_for((n + SLICE - 1) / SLICE, reduce_slice, &r);
}

struct squares {
    const float *x;
    int64_t n;
    double *sums;
};

SIMD_CLONES
static void square_slice(void *ctx, int64_t slice, int worker)
{
    (void)worker;
    const struct squares *s = ctx;
    int64_t begin = slice * SLICE, end = begin + SLICE < s->n ? begin + SLICE : s->n;
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = begin; i < end; i++) sum += (double)s->x[i] * (double)s->x[i];
    s->sums[slice] = sum;
}

double sum_squares(const float *x, int64_t n)
{
    int64_t slices = (n + SLICE - 1) / SLICE;
    double *sums = NEW_ARRAY(double, slices + 1), total = 0;
    struct squares s = {x, n, sums};
    parallel_for(slices, square_slice, &s);
    for (int64_t i = 0; i < slices; i++) total += sums[i];
    free(sums);
    return total;
}

double cosine_schedule(int64_t step, int64_t warmup, int64_t total, double floor)
{
    if (step < warmup) return (double)(step + 1) / (double)warmup;
    if (step >= total) return floor;
    double done = (double)(step - warmup) / (double)(total > warmup ? total - warmup : 1);
    return floor + (1 - floor) * 0.5 * (1 + cos(M_PI * done));
}

double warm_cosine(double peak, int64_t updates, int64_t warmup, double done)
{
    const double warm = updates < warmup ? (double)(updates + 1) / (double)warmup : 1;
    return peak * warm * 0.5 * (1 + cos(M_PI * done));
}
