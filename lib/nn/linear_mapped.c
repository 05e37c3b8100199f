#include "nn/linear_mapped.h"

#include <string.h>

#include "base/mem.h"
#include "base/minmax.h"

mapped_t mapped_on(const params_t *params, int64_t in, int64_t out, int first)
{
    mapped_t m = {.in = in, .out = out, .first = first};
    for (int64_t block = first, rows = 0; rows < out; rows += params->blocks[block++].rows)
        m.widest = max64(m.widest, params->blocks[block].count);
    return m;
}

/* Floats that a matrix takes while it is converted, twice: to floats, and from those. */
static size_t converted(const mapped_t *m) { return size_mul(2, (size_t)m->widest); }

size_t mapped_scratch(const mapped_t *m, int64_t rows) { return size_add(converted(m), size_mul((size_t)rows, (size_t)m->out)); }

/* Copies `narrow` bytes of every row, rows so many bytes apart. */
static void copy_columns(int64_t rows, size_t narrow, char *to, size_t to_stride, const char *from, size_t from_stride)
{
    for (int64_t r = 0; r < rows; r++) memcpy(to + (size_t)r * to_stride, from + (size_t)r * from_stride, narrow);
}

void mapped_forward(const mapped_t *m, const weights_t *w, int64_t rows, const operand_t *x, float *y, float *scratch)
{
    float *columns = scratch + converted(m);
    int64_t at = 0;
    for (int block = m->first; at < m->out; block++) {
        const int64_t n = w->params->blocks[block].rows;
        float *to = n == m->out ? y : columns;
        w->backend->matmul(false, true, rows, n, m->in, x, weights_mapped(w, block, scratch), to);
        if (to != y)
            copy_columns(rows, (size_t)n * sizeof *y, (char *)(y + at), (size_t)m->out * sizeof *y, (char *)to, (size_t)n * sizeof *y);
        at += n;
    }
}

void mapped_backward(const mapped_t *m, const weights_t *w, int64_t rows, const operand_t *dy, float *dx, float *scratch)
{
    const backend_t *b = w->backend;
    const size_t size = b->operand_size;
    float *columns = scratch + converted(m);
    int64_t at = 0;
    for (int block = m->first; at < m->out; block++) {
        const int64_t n = w->params->blocks[block].rows;
        const operand_t *part = n == m->out ? dy : columns;
        if (part != dy)
            copy_columns(rows, (size_t)n * size, (char *)columns, (size_t)n * size, (const char *)operand_at(b, dy, at), (size_t)m->out * size);
        (at ? b->matmul_add : b->matmul)(false, false, rows, m->in, n, part, weights_mapped(w, block, scratch), dx);
        at += n;
    }
}
