#include "nn/embedding.h"

#include "nn/vec.h"

/* Rows that are looked up before a file's pages are let go: each comes with up to 2 MB around it. */
enum { LOOKED_UP = 16 };

/* Copies a token's row of a matrix whose rows are the model's own, and from m->own on the base's. */
static void copy_row(const model_t *m, int own, int base, int32_t token, float *x)
{
    if (token < m->own) params_row(&m->params, own, token, x);
    else params_row(&m->params, base, token - m->own, x);
}

void embedding_row(const model_t *m, int32_t token, float *x) { copy_row(m, m->embed, m->base_embed, token, x); }
void output_row(const model_t *m, int32_t token, float *x) { copy_row(m, m->output, m->base_output, token, x); }

float *output_row_grad(const model_t *m, int32_t token, grads_t *grads)
{
    return token < m->own ? grads_row(grads, m->output, token) : NULL;
}

void embedding_rows(const model_t *m, int64_t rows, const int32_t *tokens, float *x)
{
    const int table = m->base_embed >= 0 ? m->base_embed : m->embed;
    for (int64_t r = 0; r < rows; r++) {
        embedding_row(m, tokens[r], x + r * m->config.hidden_size);
        if (r % LOOKED_UP == LOOKED_UP - 1 || r + 1 == rows) params_release(&m->params, table);
    }
}

void embedding_rows_backward(const model_t *m, int64_t rows, const int32_t *tokens, const float *dx, grads_t *grads)
{
    const int64_t d = m->config.hidden_size;
    for (int64_t r = 0; r < rows; r++) {
        float *g = tokens[r] < m->own ? grads_row(grads, m->embed, tokens[r]) : NULL;
        if (g) vec_add(d, dx + r * d, g);
    }
}
