#include "nn/weights.h"

#include <stdlib.h>

#include "base/err.h"

weights_t weights_new(const params_t *params, const backend_t *backend)
{
    weights_t w = {params, backend, NULL, NULL};
    if (operands_are_floats(backend)) return w;
    w.trained = operands_new(backend, params->size);
    w.fixed = operands_new(backend, params->fixed_size);
    backend->pack(params->fixed, params->fixed_size, w.fixed);
    weights_sync(&w);
    return w;
}

void weights_sync(weights_t *w)
{
    if (!operands_are_floats(w->backend)) w->backend->pack(w->params->weights, w->params->size, w->trained);
}

void weights_free(weights_t *w)
{
    free(w->trained);
    free(w->fixed);
    *w = (weights_t){0};
}

void weights_release(const weights_t *w, params_t *params)
{
    if (!w->fixed) return;
    free(params->fixed);
    params->fixed = NULL;
}

const operand_t *weights_operand(const weights_t *w, int block)
{
    const param_t *p = &w->params->blocks[block];
    if (p->sparse || p->mapped) die(EX_SOFTWARE, "%s: %s is no operand", p->name, p->mapped ? "what lies in a file" : "a table of rows");
    if (operands_are_floats(w->backend)) return params_values(w->params, block);
    return operand_at(w->backend, p->frozen ? w->fixed : w->trained, p->offset);
}

/* Whether a tensor's elements are the backend's operands as they lie. */
static bool fits(const backend_t *b, const st_tensor_t *t)
{
    const st_dtype own = operands_are_floats(b) ? ST_F32 : ST_BF16;
    return t->dtype == own && (uintptr_t)t->data % b->operand_size == 0;
}

static const operand_t *mapped(const weights_t *w, const st_tensor_t *t, float *space)
{
    if (fits(w->backend, t)) return t->data;
    st_floats(t, space);
    if (operands_are_floats(w->backend)) return space;
    w->backend->pack(space, t->count, space + t->count);
    return space + t->count;
}

const operand_t *weights_mapped(const weights_t *w, int block, float *space)
{
    return mapped(w, w->params->blocks[block].tensor, space);
}

const operand_t *weights_mapped_rows(const weights_t *w, int block, int64_t first, int64_t count, float *space)
{
    const st_tensor_t rows = st_rows(w->params->blocks[block].tensor, first, first + count);
    return mapped(w, &rows, space);
}
