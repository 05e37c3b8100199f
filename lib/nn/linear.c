#include "nn/linear.h"

#include <math.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "nn/linear_mapped.h"
#include "nn/ops.h"
#include "nn/vec.h"

linear_t linear_on(int64_t in, int64_t out, int weight, int bias)
{
    return (linear_t){.in = in, .out = out, .weight = weight, .bias = bias};
}

void linear_add_pair(linear_t *l, params_t *params, const char *name, int64_t first, int64_t out, int64_t rank, float scale)
{
    if (l->pairs == LINEAR_PAIRS) die(EX_SOFTWARE, "%s: one low-rank pair too many", name);
    linear_pair_t *p = &l->pair[l->pairs++];
    *p = (linear_pair_t){.first = first, .out = out, .rank = rank, .scale = scale};
    params_align(params);
    p->down = params_add(params, (param_t){.name = xasprintf("%s.lora_A.weight", name), .rows = rank, .cols = l->in,
                                           .decay = true});
    params_align(params);
    p->up = params_add(params, (param_t){.name = xasprintf("%s.lora_B.weight", name), .rows = out, .cols = rank,
                                         .decay = true});
    params_align(params);
}

void linear_init_pair(const linear_t *l, int pair, const params_t *params, uint64_t stream)
{
    params_fill_normal(params, l->pair[pair].down, sqrt(1 / (double)l->in), stream);
    params_fill(params, l->pair[pair].up, 0);
}

/* Scratch: the inner values [rows, rank] of the pair at hand, in floats and as an operand. */
typedef struct {
    float *floats;
    operand_t *packed;
} inner_t;

static int64_t most_rank(const linear_t *l)
{
    int64_t most = 0;
    for (int i = 0; i < l->pairs; i++) most = max64(most, l->pair[i].rank);
    return most;
}

static inner_t inner_of(const linear_t *l, int64_t rows, void *scratch)
{
    float *floats = scratch;
    const int64_t n = rows * most_rank(l);
    return (inner_t){floats, floats + n};
}

static mapped_t mapped_of(const linear_t *l) { return (mapped_t){l->in, l->out, l->widest, l->weight}; }

void linear_set_mapped(linear_t *l, const params_t *params) { l->widest = mapped_on(params, l->in, l->out, l->weight).widest; }

void linear_release(const linear_t *l, const params_t *params)
{
    const mapped_t m = mapped_of(l);
    if (l->widest) mapped_release(&m, params);
}

/* Floats of scratch that the pairs take for a row. */
static size_t pairs_scratch(const linear_t *l) { return size_mul(2, (size_t)most_rank(l)); }

size_t linear_scratch(const linear_t *l, int64_t rows)
{
    const mapped_t m = mapped_of(l);
    const size_t pairs = size_mul((size_t)rows, pairs_scratch(l));
    return size_mul(sizeof(float), size_add(pairs, l->widest ? mapped_scratch(&m) : 0));
}

/* Scratch behind the pairs'. */
static float *own_scratch(const linear_t *l, int64_t rows, void *scratch)
{
    return (float *)scratch + (size_t)rows * pairs_scratch(l);
}

/* Scales what a product left in `inner`, and packs it. */
static void scale_inner(const linear_pair_t *p, const backend_t *b, int64_t rows, inner_t inner)
{
    for (int64_t i = 0; i < rows * p->rank; i++) inner.floats[i] *= p->scale;
    b->pack(inner.floats, rows * p->rank, inner.packed);
}

/* Leaves s x A^T in `inner`. */
static void go_down(const linear_t *l, const linear_pair_t *p, const weights_t *w, int64_t rows, const operand_t *x, inner_t inner)
{
    w->backend->matmul(false, true, rows, p->rank, l->in, x, weights_operand(w, p->down), inner.floats);
    scale_inner(p, w->backend, rows, inner);
}

/* Adds a pair's part of y to its columns. */
static void pair_forward(const linear_t *l, const linear_pair_t *p, const weights_t *w, int64_t rows, const operand_t *x, float *y,
                         inner_t inner)
{
    const backend_t *b = w->backend;
    go_down(l, p, w, rows, x, inner);
    b->matmul_columns(false, true, true, rows, p->out, p->rank, inner.packed, p->rank, weights_operand(w, p->up), y + p->first, l->out);
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
    go_through(l, w, rows, x, y, scratch);
    for (int i = 0; i < l->pairs; i++) pair_forward(l, &l->pair[i], w, rows, x, y, inner_of(l, rows, scratch));
}

/* Adds the gradients of A and B, and the pair's part of dx. */
static void pair_backward(const linear_t *l, const linear_pair_t *p, const weights_t *w, int64_t rows, const operand_t *x,
                          const operand_t *dy, float *dx, grads_t *grads, inner_t inner)
{
    const backend_t *b = w->backend;
    const operand_t *part = operand_at(b, dy, p->first); /* its columns */
    go_down(l, p, w, rows, x, inner);
    b->matmul_columns(true, false, true, p->out, p->rank, rows, part, l->out, inner.packed, grads_block(grads, p->up), p->rank);
    b->matmul_columns(false, false, false, rows, p->rank, p->out, part, l->out, weights_operand(w, p->up), inner.floats, p->rank);
    scale_inner(p, b, rows, inner);
    b->matmul_add(true, false, p->rank, l->in, rows, inner.packed, x, grads_block(grads, p->down));
    if (dx) b->matmul_add(false, false, rows, l->in, p->rank, inner.packed, weights_operand(w, p->down), dx);
}

void linear_backward(const linear_t *l, const weights_t *w, int64_t rows, const operand_t *x, const operand_t *dy,
                     const float *dy_floats, float *dx, grads_t *grads, void *scratch)
{
    const backend_t *b = w->backend;
    float *dweight = grads_block(grads, l->weight), *dbias = l->bias >= 0 ? grads_block(grads, l->bias) : NULL;
    for (int64_t i = 0; dbias && i < rows; i++) vec_add(l->out, dy_floats + i * l->out, dbias);
    if (dweight) b->matmul_add(true, false, l->out, l->in, rows, dy, x, dweight);
    if (dx) go_back(l, w, rows, dy, dx, scratch);
    for (int i = 0; i < l->pairs; i++)
        pair_backward(l, &l->pair[i], w, rows, x, dy, dx, grads, inner_of(l, rows, scratch));
}
