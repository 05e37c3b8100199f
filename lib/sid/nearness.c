#include "sid/nearness.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "nn/gemm.h"

enum { BLOCK = 128 /* pairs that one step of a parallel pass takes */ };

struct nearness_pass {
    const follow_t *f;
    int64_t begin, end; /* pairs */
    int64_t width;
    const float *x;
    float *others;      /* [others, width] */
    double *value;      /* [end - begin] */
    double *logs;       /* [others + 2] ln(i!) */
};

static void copy_row(const struct nearness_pass *p, int32_t item, float *to)
{
    memcpy(to, p->x + item * p->width, (size_t)p->width * sizeof *to);
}

static float product(const struct nearness_pass *p, int32_t a, int32_t b)
{
    const float *x = p->x + a * p->width, *y = p->x + b * p->width;
    float sum = 0;
    for (int64_t j = 0; j < p->width; j++) sum += x[j] * y[j];
    return sum;
}

/* `near` [others]: products of the first item with them. */
static double pair_value(const struct nearness_pass *p, int64_t pair, const float *near)
{
    const follow_t *f = p->f;
    const int32_t from = f->from[pair], to = f->to[pair];
    const float own = product(p, from, to);
    int64_t nearer = 0, level = 0;
    for (int64_t i = 0; i < f->others; i++) {
        if (f->other[i] == from || f->other[i] == to) continue;
        nearer += near[i] > own + 1e-6f;
        level += near[i] <= own + 1e-6f && near[i] >= own - 1e-6f; /* equal, but for rounding */
    }
    return -(p->logs[nearer + level + 1] - p->logs[nearer]) / (double)(level + 1);
}

static void value_block(void *ctx, int64_t block, int worker)
{
    (void)worker;
    const struct nearness_pass *p = ctx;
    const int64_t first = p->begin + block * BLOCK, n = p->end - first < BLOCK ? p->end - first : BLOCK;
    float *from = xfloats((size_t)(n * p->width)), *near = xfloats((size_t)(n * p->f->others));
    for (int64_t i = 0; i < n; i++) copy_row(p, p->f->from[first + i], from + i * p->width);
    gemm_f32(false, true, n, p->f->others, p->width, 1, from, p->others, 0, near);
    for (int64_t i = 0; i < n; i++) p->value[first - p->begin + i] = pair_value(p, first + i, near + i * p->f->others);
    free(from);
    free(near);
}

void nearness_scores(const follow_t *f, int64_t begin, int64_t end, int64_t width, const float *x, double *score)
{
    struct nearness_pass p = {.f = f, .begin = f->user_offsets[begin], .end = f->user_offsets[end], .width = width, .x = x};
    p.others = xfloats((size_t)(f->others * width));
    for (int64_t i = 0; i < f->others; i++) copy_row(&p, f->other[i], p.others + i * width);
    p.value = NEW_ARRAY(double, p.end - p.begin);
    p.logs = NEW_ARRAY(double, f->others + 2);
    for (int64_t i = 1; i < f->others + 2; i++) p.logs[i] = p.logs[i - 1] + log((double)i);
    gemm_init();
    parallel_for((p.end - p.begin + BLOCK - 1) / BLOCK, value_block, &p);
    for (int64_t u = begin; u < end; u++) {
        const int64_t first = f->user_offsets[u], last = f->user_offsets[u + 1];
        score[u - begin] = 0;
        for (int64_t i = first; i < last; i++) score[u - begin] += p.value[i - p.begin] / (double)(last - first);
    }
    free(p.logs);
    free(p.value);
    free(p.others);
}
