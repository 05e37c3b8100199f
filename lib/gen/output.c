#include "gen/output.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/minmax.h"

enum { SLICE = 4096 }; /* rows of a base's matrix that are taken at once; the cut shows in a gradient's last bits */

struct output {
    const network_t *net;
    float *space;              /* a slice's rows, converted */
    float *columns;            /* [rows, slice] of the logits or of their gradient */
    size_t columns_cap;
};

output_t *output_new(const network_t *net)
{
    output_t *o = NEW(output_t);
    o->net = net;
    return o;
}

void output_free(output_t *o)
{
    if (!o) return;
    free(o->space);
    free(o->columns);
    free(o);
}

/* Tokens of a range whose rows lie together, and those rows; `block`: where the model's own are, -1: they are the base's. */
typedef struct {
    int32_t first, count;
    int block;
    const operand_t *table;
} slice_t;

/* Makes room for `rows` rows of a slice's columns. */
static void reserve(output_t *o, int64_t rows, int32_t columns)
{
    const size_t n = size_mul((size_t)rows, (size_t)columns);
    if (n <= o->columns_cap) return;
    free(o->columns);
    o->columns = xfloats(o->columns_cap = n);
}

/* Finds the slice that begins with token `first` of those before `end`. */
static slice_t slice_at(output_t *o, int32_t first, int32_t end)
{
    const model_t *m = o->net->model;
    const int64_t d = m->config.hidden_size;
    if (first < m->own) {
        const operand_t *table = weights_operand(&o->net->weights, m->output);
        return (slice_t){first, (int32_t)min64(end, m->own) - first, m->output, operand_at(o->net->backend, table, first * d)};
    }
    const int32_t count = (int32_t)min64(SLICE, end - first);
    if (!o->space) o->space = xfloats(size_mul(2 * SLICE, (size_t)d));
    return (slice_t){first, count, -1, weights_mapped_rows(&o->net->weights, m->base_output, first - m->own, count, o->space)};
}

void output_forward(output_t *o, int64_t rows, const operand_t *states, int32_t first, int32_t count, float *logits)
{
    const backend_t *b = o->net->backend;
    const int64_t d = o->net->model->config.hidden_size;
    for (int32_t at = 0; at < count;) {
        const slice_t s = slice_at(o, first + at, first + count);
        const bool whole = s.count == count;
        if (!whole) reserve(o, rows, s.count);
        b->matmul(false, true, rows, s.count, d, states, s.table, whole ? logits : o->columns);
        for (int64_t r = 0; !whole && r < rows; r++)
            memcpy(logits + r * count + at, o->columns + r * s.count, (size_t)s.count * sizeof *logits);
        at += s.count;
    }
}

/* Finds a slice's columns of dlogits [rows, count], from column `at` on: copied together where they are not all. */
static const operand_t *columns_of(output_t *o, int64_t rows, const slice_t *s, int32_t count, int32_t at, const operand_t *dlogits)
{
    const backend_t *b = o->net->backend;
    const size_t narrow = (size_t)s->count * b->operand_size;
    if (s->count == count) return dlogits;
    reserve(o, rows, s->count);
    for (int64_t r = 0; r < rows; r++)
        memcpy((char *)o->columns + (size_t)r * narrow, operand_at(b, dlogits, r * count + at), narrow);
    return o->columns;
}

void output_backward(output_t *o, int64_t rows, const operand_t *states, int32_t first, int32_t count, const operand_t *dlogits,
                     float *dstates, grads_t *grads)
{
    const backend_t *b = o->net->backend;
    const int64_t d = o->net->model->config.hidden_size;
    for (int32_t at = 0; at < count;) {
        const slice_t s = slice_at(o, first + at, first + count);
        const operand_t *part = columns_of(o, rows, &s, count, at, dlogits);
        float *g = s.block >= 0 ? grads_block(grads, s.block) : NULL;
        (at ? b->matmul_add : b->matmul)(false, false, rows, d, s.count, part, s.table, dstates);
        if (g) b->matmul_add(true, false, s.count, d, rows, part, states, g + s.first * d);
        at += s.count;
    }
}
