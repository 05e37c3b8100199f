#include "nn/embedding.h"

#include "nn/vec.h"

void embedding_rows(const model_t *m, int64_t rows, const int32_t *tokens, float *x)
{
    const int64_t d = m->config.hidden_size;
    for (int64_t r = 0; r < rows; r++) params_row(&m->params, m->embed, tokens[r], x + r * d);
}

void embedding_rows_backward(const model_t *m, int64_t rows, const int32_t *tokens, const float *dx, grads_t *grads)
{
    const int64_t d = m->config.hidden_size;
    for (int64_t r = 0; r < rows; r++) {
        float *g = grads_row(grads, m->embed, tokens[r]);
        if (g) vec_add(d, dx + r * d, g);
    }
}
