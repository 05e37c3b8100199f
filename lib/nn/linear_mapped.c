#include "nn/linear_mapped.h"

#include "base/mem.h"
#include "base/minmax.h"

mapped_t mapped_on(const params_t *params, int64_t in, int64_t out, int first)
{
    mapped_t m = {.in = in, .out = out, .first = first};
    for (int64_t block = first, rows = 0; rows < out; rows += params->blocks[block++].rows)
        m.widest = max64(m.widest, params->blocks[block].count);
    return m;
}

void mapped_release(const mapped_t *m, const params_t *params)
{
    int64_t at = 0;
    for (int block = m->first; at < m->out; at += params->blocks[block++].rows) params_release(params, block);
}

size_t mapped_scratch(const mapped_t *m) { return size_mul(2, (size_t)m->widest); }

void mapped_forward(const mapped_t *m, const weights_t *w, int64_t rows, const operand_t *x, float *y, float *scratch)
{
    int64_t at = 0;
    for (int block = m->first; at < m->out; block++) {
        const int64_t n = w->params->blocks[block].rows;
        w->backend->matmul_columns(false, true, false, rows, n, m->in, x, m->in, weights_mapped(w, block, scratch), y + at, m->out);
        at += n;
    }
}

void mapped_backward(const mapped_t *m, const weights_t *w, int64_t rows, const operand_t *dy, float *dx, float *scratch)
{
    const backend_t *b = w->backend;
    int64_t at = 0;
    for (int block = m->first; at < m->out; block++) {
        const int64_t n = w->params->blocks[block].rows;
        b->matmul_columns(false, false, at > 0, rows, m->in, n, operand_at(b, dy, at), m->out, weights_mapped(w, block, scratch), dx, m->in);
        at += n;
    }
}
