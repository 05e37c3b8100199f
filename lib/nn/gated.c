#include "nn/gated.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/minmax.h"

static int add_matrix(params_t *params, const char *name, const char *part, int64_t rows, int64_t cols)
{
    return params_add(params, (param_t){.name = xasprintf("%s.%s.weight", name, part), .rows = rows, .cols = cols, .decay = true});
}

gated_t gated_add(params_t *params, const char *name, int64_t width, int64_t inner, double eps)
{
    gated_t g = {.eps = (float)eps};
    g.norm = params_add(params, (param_t){.name = xasprintf("%s.norm.weight", name), .cols = width});
    params_align(params);
    g.gate_up = linear_on(width, 2 * inner, add_matrix(params, name, "gate_proj", inner, width), -1);
    add_matrix(params, name, "up_proj", inner, width);
    params_align(params);
    g.down = linear_on(inner, width, add_matrix(params, name, "down_proj", width, inner), -1);
    params_align(params);
    return g;
}

gated_acts_t gated_acts_new(const backend_t *b, const gated_t *block, int64_t rows)
{
    const int64_t width = block->down.out, inner = block->down.in;
    return (gated_acts_t){xfloats((size_t)rows), xfloats((size_t)(rows * 2 * inner)), operands_new(b, rows * width),
                          operands_new(b, rows * inner)};
}

void gated_acts_free(gated_acts_t *a)
{
    void *all[] = {a->inv_rms, a->gate_up, a->norm, a->act};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    *a = (gated_acts_t){0};
}

gated_room_t gated_room_new(const backend_t *b, int64_t count, const gated_t *blocks, int64_t rows)
{
    int64_t widest = 0, width = 0;
    size_t pairs = 0;
    for (int64_t i = 0; i < count; i++) {
        const size_t gate_up = linear_scratch(&blocks[i].gate_up, rows), down = linear_scratch(&blocks[i].down, rows);
        pairs = gate_up > pairs ? gate_up : pairs;
        pairs = down > pairs ? down : pairs;
        width = max64(width, blocks[i].down.out);
        widest = max64(widest, max64(width, blocks[i].down.in));
    }
    return (gated_room_t){xfloats((size_t)(rows * widest)), xfloats((size_t)(rows * width)), operands_new(b, rows * 2 * widest),
                          pairs ? xfloats(pairs / sizeof(float)) : NULL};
}

void gated_room_free(gated_room_t *r)
{
    void *all[] = {r->wide, r->narrow, r->packed, r->inner};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) free(all[i]);
    *r = (gated_room_t){0};
}

void gated_forward(const gated_t *block, const weights_t *w, int64_t rows, const float *g, dropout_t drop, gated_acts_t *a,
                   gated_room_t *r, float *z)
{
    const int64_t width = block->down.out, inner = block->down.in;
    rmsnorm_forward(w->backend, rows, width, block->eps, g, params_values(w->params, block->norm), a->inv_rms, a->norm, NULL);
    linear_forward(&block->gate_up, w, rows, a->norm, a->gate_up, r->inner);
    swiglu_forward(w->backend, rows, inner, a->gate_up, a->act);
    linear_forward(&block->down, w, rows, a->act, r->narrow, r->inner);
    residual_dropout_forward(rows * width, g, r->narrow, drop, z);
}

void gated_backward(const gated_t *block, const weights_t *w, int64_t n, const float *g, dropout_t drop, const gated_acts_t *a,
                    gated_room_t *r, float *dx, grads_t *grads)
{
    const int64_t width = block->down.out, inner = block->down.in, rows = round_rows(w->backend, n);
    dropout_backward_pack(w->backend, rows, width, dx, drop, r->packed);
    linear_backward(&block->down, w, rows, a->act, r->packed, NULL, r->wide, grads, r->inner);
    swiglu_backward(w->backend, rows, inner, a->gate_up, r->wide, r->packed);
    linear_backward(&block->gate_up, w, rows, a->norm, r->packed, NULL, r->narrow, grads, r->inner);
    rmsnorm_backward(n, width, g, params_values(w->params, block->norm), a->inv_rms, r->narrow, dx,
                     grads_block(grads, block->norm));
}
