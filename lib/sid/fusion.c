#include "sid/fusion.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"
#include "nn/gemm.h"

fusion_t fusion_make(int64_t text, int64_t image, int64_t fused, int64_t begin)
{
    fusion_t f = {.text = text, .image = image, .fused = image ? fused : text, .begin = begin, .end = begin};
    if (!image) return f;
    f.visual = begin;
    f.fuse = f.visual + text * image;
    f.end = f.fuse + fused * 2 * text;
    f.hidden = image + text + 2 * text + fused;
    return f;
}

void fusion_init(const fusion_t *f, float *params, uint64_t key)
{
    if (!f->image) return;
    double deviation = sqrt(1 / (double)f->text);
    for (int64_t i = f->visual; i < f->fuse; i++) params[i] = (float)(deviation * rng_normal(key, (uint64_t)i));
    memset(params + f->fuse, 0, (size_t)(f->end - f->fuse) * sizeof(float));
    for (int64_t c = 0; c < 2 * f->text; c++) params[f->fuse + c % f->fused * 2 * f->text + c] = 1;
}

/* Copies rows [rows, width] out of, or into, longer ones. */
static void copy_columns(int64_t rows, int64_t width, const float *from, int64_t from_stride, float *to, int64_t to_stride)
{
    for (int64_t i = 0; i < rows; i++) memcpy(to + i * to_stride, from + i * from_stride, (size_t)width * sizeof(float));
}

/* The parts of `acts`. */
typedef struct {
    float *image;  /* v [rows, Dv] */
    float *visual; /* e_vis [rows, Dt] */
    float *both;   /* [e_text ; e_vis] [rows, 2 Dt] */
    float *fused;  /* e_mm [rows, D] */
} acts_t;

static acts_t acts_parts(const fusion_t *f, int64_t rows, float *acts)
{
    acts_t a = {.image = acts};
    a.visual = a.image + rows * f->image;
    a.both = a.visual + rows * f->text;
    a.fused = a.both + rows * 2 * f->text;
    return a;
}

const float *fusion_forward(const fusion_t *f, const float *params, int64_t rows, const float *x, float *acts)
{
    if (!f->image) return x;
    int64_t dt = f->text, dv = f->image;
    acts_t a = acts_parts(f, rows, acts);
    copy_columns(rows, dv, x + dt, dt + dv, a.image, dv);
    gemm_f32(false, true, rows, dt, dv, 1, a.image, params + f->visual, 0, a.visual);
    copy_columns(rows, dt, x, dt + dv, a.both, 2 * dt);
    copy_columns(rows, dt, a.visual, dt, a.both + dt, 2 * dt);
    gemm_f32(false, true, rows, f->fused, 2 * dt, 1, a.both, params + f->fuse, 0, a.fused);
    return a.fused;
}

void fusion_backward(const fusion_t *f, const float *params, int64_t rows, const float *acts, const float *dfused, float *grads)
{
    if (!f->image) return;
    int64_t dt = f->text, dv = f->image;
    const acts_t a = acts_parts(f, rows, (float *)acts);
    gemm_f32(true, false, f->fused, 2 * dt, rows, 1, dfused, a.both, 1, grads + f->fuse);
    float *dboth = xfloats((size_t)(rows * 2 * dt)), *dvisual = xfloats((size_t)(rows * dt));
    gemm_f32(false, false, rows, 2 * dt, f->fused, 1, dfused, params + f->fuse, 0, dboth);
    copy_columns(rows, dt, dboth + dt, 2 * dt, dvisual, dt);
    gemm_f32(true, false, dt, dv, rows, 1, dvisual, a.image, 1, grads + f->visual);
    free(dvisual);
    free(dboth);
}
