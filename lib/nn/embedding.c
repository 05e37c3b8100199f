#include "nn/embedding.h"

#include <string.h>

void embedding_rows(const model_t *m, int64_t rows, const int32_t *tokens, float *x)
{
    const int64_t d = m->config.hidden_size;
    const float *table = m->weights + m->embed;
    for (int64_t r = 0; r < rows; r++) memcpy(x + r * d, table + tokens[r] * d, (size_t)d * sizeof(float));
}

void embedding_rows_backward(const model_t *m, int64_t rows, const int32_t *tokens, const float *dx, float *grads)
{
    const int64_t d = m->config.hidden_size;
    for (int64_t r = 0; r < rows; r++) {
        float *g = grads + m->embed + tokens[r] * d;
#pragma omp simd
        for (int64_t i = 0; i < d; i++) g[i] += dx[r * d + i];
    }
}
