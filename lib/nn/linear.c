#include "nn/linear.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"
#include "nn/linear_mapped.h"
#include "nn/ops.h"
#include "nn/vec.h"

linear_t linear_on(int64_t in, int64_t out, int weight, int bias)
{
    return (linear_t){.in = in, .out = out, .weight = weight, .bias = bias, .down = -1, .up = -1};
}

void linear_add_pair(linear_t *l, params_t *params, const char *name, int64_t rank, float scale)
{
    l->rank = rank;
    l->scale = scale;
    params_align(params);
    l->down = params_add(params, (param_t){.name = xasprintf("%s.lora_A.weight", name), .rows = rank, .cols = l->in,
                                           .decay = true});
    params_align(params);
    l->up = params_add(params, (param_t){.name = xasprintf("%s.lora_B.weight", name), .rows = l->out, .cols = rank,
                                         .decay = true});
    params_align(params);
}

void linear_init_pair(const linear_t *l, const params_t *params, uint64_t stream)
{
    params_fill_normal(params, l->down, sqrt(1 / (double)l->in), stream);
    params_fill(params, l->up, 0);
}

/* The pair's inner values [rows, rank], in floats and as an operand. */
typedef struct {
    float *floats;
    operand_t *packed;
} inner_t;

static inner_t inner_of(const linear_t *l, int64_t rows, void *scratch)
{
    return (inner_t){scratch, (char *)scratch + (size_t)(rows * l->rank) * sizeof(float)};
}

static mapped_t mapped_of(const linear_t *l) { return (mapped_t){l->in, l->out, l->widest, l->weight}; }

void linear_set_mapped(linear_t *l, const params_t *params) { l->widest = mapped_on(params, l->in, l->out, l->weight).widest; }

size_t linear_scratch(const linear_t *l, int64_t rows)
{
    const mapped_t m = mapped_of(l);
    const size_t pair = size_mul(2, size_mul((size_t)rows, (size_t)l->rank));
    return size_mul(sizeof(float), size_add(pair, l->widest ? mapped_scratch(&m) : 0));
}

/* Scratch behind the pair's. */
static float *own_scratch(const linear_t *l, int64_t rows, void *scratch) { return (float *)scratch + 2 * rows * l->rank; }

/* Scales what a product left in `inner`, and packs it. */
static void scale_inner(const linear_t *l, const backend_t *b, int64_t rows, inner_t inner)
{
    for (int64_t i = 0; i < rows * l->rank; i++) inner.floats[i] *= l->scale;
    b->pack(inner.floats, rows * l->rank, inner.packed);
}

/* Leaves s x A^T in `inner`. */
static void go_down(const linear_t *l, const weights_t *w, int64_t rows, const operand_t *x, inner_t inner)
{
    w->backend->matmul(false, true, rows, l->rank, l->in, x, weights_operand(w, l->down), inner.floats);
    scale_inner(l, w->backend, rows, inner);
}

static void set_bias(const linear_t *l, const weights_t *w, int64_t rows, float *y)
{
    const float *bias = params_values(w->params, l->bias);
    for (int64_t i = 0; i < rows; i++) memcpy(y + i * l->out, bias, (size_t)l->out * sizeof(float));
}

/* Leaves x W^T + b in y. */
static void go_through(const linear_t *l, const weights_t *w, int64_t rows, const operand_t *x, float *y, void *scratch)
{
    const backend_t *b = w->backend;
    if (l->widest) {
        const mapped_t m = mapped_of(l);
        mapped_forward(&m, w, rows, x, y, own_scratch(l, rows, scratch));
        if (l->bias >= 0) bias_forward(rows, l->out, params_values(w->params, l->bias), NULL, y);
        return;
    }
    if (l->bias >= 0) set_bias(l, w, rows, y);
    (l->bias >= 0 ? b->matmul_add : b->matmul)(false, true, rows, l->out, l->in, x, weights_operand(w, l->weight), y);
}

/* Leaves dy W in dx. */
static void go_back(const linear_t *l, const weights_t *w, int64_t rows, const operand_t *dy, float *dx, void *scratch)
{
    const mapped_t m = mapped_of(l);
    if (l->widest) mapped_backward(&m, w, rows, dy, dx, own_scratch(l, rows, scratch));
    else w->backend->matmul(false, false, rows, l->in, l->out, dy, weights_operand(w, l->weight), dx);
}

void linear_forward(const linear_t *l, const weights_t *w, int64_t rows, const operand_t *x, float *y, void *scratch)
{
    const backend_t *b = w->backend;
    go_through(l, w, rows, x, y, scratch);
    if (!l->rank) return;
    const inner_t inner = inner_of(l, rows, scratch);
    go_down(l, w, rows, x, inner);
    b->matmul_add(false, true, rows, l->out, l->rank, inner.packed, weights_operand(w, l->up), y);
}

/* Adds the gradients of A and B, and the pair's part of dx. */
static void pair_backward(const linear_t *l, const weights_t *w, int64_t rows, const operand_t *x, const operand_t *dy, float *dx,
                          grads_t *grads, void *scratch)
{
    const backend_t *b = w->backend;
    const inner_t inner = inner_of(l, rows, scratch);
    go_down(l, w, rows, x, inner);
    b->matmul_add(true, false, l->out, l->rank, rows, dy, inner.packed, grads_block(grads, l->up));
    b->matmul(false, false, rows, l->rank, l->out, dy, weights_operand(w, l->up), inner.floats);
    scale_inner(l, b, rows, inner);
    b->matmul_add(true, false, l->rank, l->in, rows, inner.packed, x, grads_block(grads, l->down));
    if (dx) b->matmul_add(false, false, rows, l->in, l->rank, inner.packed, weights_operand(w, l->down), dx);
}

void linear_backward(const linear_t *l, const weights_t *w, int64_t rows, const operand_t *x, const operand_t *dy,
                     const float *dy_floats, float *dx, grads_t *grads, void *scratch)
{
    const backend_t *b = w->backend;
    float *dweight = grads_block(grads, l->weight), *dbias = l->bias >= 0 ? grads_block(grads, l->bias) : NULL;
    for (int64_t i = 0; dbias && i < rows; i++) vec_add(l->out, dy_floats + i * l->out, dbias);
    if (dweight) b->matmul_add(true, false, l->out, l->in, rows, dy, x, dweight);
    if (dx) go_back(l, w, rows, dy, dx, scratch);
    if (l->rank) pair_backward(l, w, rows, x, dy, dx, grads, scratch);
}
