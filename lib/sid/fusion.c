#include "sid/fusion.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static linear_t add_matrix(params_t *params, const char *name, int64_t in, int64_t out)
{
    const int weight = params_add(params, (param_t){.name = xstrdup(name), .rows = out, .cols = in, .decay = true});
    return linear_on(in, out, weight, -1);
}

fusion_t fusion_add(params_t *params, int64_t text, int64_t image, int64_t fused)
{
    fusion_t f = {.text = text, .image = image, .fused = image ? fused : text};
    if (!image) return f;
    f.visual = add_matrix(params, "fusion.visual.weight", image, text);
    f.fuse = add_matrix(params, "fusion.weight", 2 * text, fused);
    f.hidden = image + text + 2 * text + fused;
    return f;
}

void fusion_init(const fusion_t *f, const params_t *params, uint64_t key)
{
    if (!f->image) return;
    params_fill_normal_placed(params, f->visual.weight, sqrt(1 / (double)f->text), key);
    params_fill(params, f->fuse.weight, 0);
    float *fuse = params_values(params, f->fuse.weight);
    for (int64_t c = 0; c < 2 * f->text; c++) fuse[c % f->fused * 2 * f->text + c] = 1;
}

/* Copies rows [rows, width] out of, or into, longer ones. */
static void copy_columns(int64_t rows, int64_t width, const float *from, int64_t from_stride, float *to, int64_t to_stride)
{
    for (int64_t i = 0; i < rows; i++) memcpy(to + i * to_stride, from + i * from_stride, (size_t)width * sizeof(float));
}

/* Where the parts of `acts` begin, in floats; v [rows, Dv] comes first. */
typedef struct {
    int64_t visual; /* e_vis [rows, Dt] */
    int64_t both;   /* [e_text ; e_vis] [rows, 2 Dt] */
    int64_t fused;  /* e_mm [rows, D] */
} fusion_acts_t;

static fusion_acts_t acts_parts(const fusion_t *f, int64_t rows)
{
    fusion_acts_t at = {.visual = rows * f->image};
    at.both = at.visual + rows * f->text;
    at.fused = at.both + rows * 2 * f->text;
    return at;
}

const float *fusion_forward(const fusion_t *f, const weights_t *w, int64_t rows, const float *x, float *acts)
{
    if (!f->image) return x;
    const int64_t dt = f->text, dv = f->image;
    const fusion_acts_t at = acts_parts(f, rows);
    float *image = acts, *visual = acts + at.visual, *both = acts + at.both, *fused = acts + at.fused;
    copy_columns(rows, dv, x + dt, dt + dv, image, dv);
    linear_forward(&f->visual, w, rows, image, visual, NULL);
    copy_columns(rows, dt, x, dt + dv, both, 2 * dt);
    copy_columns(rows, dt, visual, dt, both + dt, 2 * dt);
    linear_forward(&f->fuse, w, rows, both, fused, NULL);
    return fused;
}

void fusion_backward(const fusion_t *f, const weights_t *w, int64_t rows, const float *acts, const float *dfused, grads_t *grads)
{
    if (!f->image) return;
    const int64_t dt = f->text;
    const float *image = acts, *both = acts + acts_parts(f, rows).both;
    float *dboth = xfloats((size_t)(rows * 2 * dt)), *dvisual = xfloats((size_t)(rows * dt));
    linear_backward(&f->fuse, w, rows, both, dfused, NULL, dboth, grads, NULL);
    copy_columns(rows, dt, dboth + dt, 2 * dt, dvisual, dt);
    linear_backward(&f->visual, w, rows, image, dvisual, NULL, NULL, grads, NULL);
    free(dvisual);
    free(dboth);
}
