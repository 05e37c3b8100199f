#include "nn/mlp.h"

#include <math.h>
#include <string.h>

#include "base/rng.h"
#include "nn/gemm.h"

mlp_t mlp_make(int layers, const int64_t *width, int64_t begin)
{
    mlp_t m = {.layers = layers, .begin = begin, .end = begin};
    m.width[0] = width[0];
    for (int l = 0; l < layers; l++) {
        m.width[l + 1] = width[l + 1];
        m.weight[l] = m.end;
        m.bias[l] = m.weight[l] + width[l] * width[l + 1];
        m.end = m.bias[l] + width[l + 1];
        m.hidden += width[l + 1];
    }
    return m;
}

void mlp_init(const mlp_t *m, float *params, uint64_t key)
{
    memset(params + m->begin, 0, (size_t)(m->end - m->begin) * sizeof(float));
    for (int l = 0; l < m->layers; l++) {
        double deviation = sqrt((l + 1 < m->layers ? 2.0 : 1.0) / (double)m->width[l]);
        for (int64_t i = m->weight[l]; i < m->bias[l]; i++) params[i] = (float)(deviation * rng_normal(key, (uint64_t)i));
    }
}

int64_t mlp_widest(const mlp_t *m)
{
    int64_t widest = 0;
    for (int l = 0; l <= m->layers; l++)
        if (m->width[l] > widest) widest = m->width[l];
    return widest;
}

const float *mlp_forward(const mlp_t *m, const float *params, int64_t rows, const float *x, float *acts)
{
    for (int l = 0; l < m->layers; l++) {
        int64_t in = m->width[l], out = m->width[l + 1];
        const float *bias = params + m->bias[l];
        for (int64_t i = 0; i < rows; i++) memcpy(acts + i * out, bias, (size_t)out * sizeof(float));
        gemm_f32(false, true, rows, out, in, 1, x, params + m->weight[l], 1, acts);
        if (l + 1 < m->layers)
            for (int64_t i = 0; i < rows * out; i++) acts[i] = acts[i] > 0 ? acts[i] : 0;
        x = acts;
        acts += rows * out;
    }
    return x;
}

void mlp_backward(const mlp_t *m, const float *params, int64_t rows, const float *x, const float *acts, const float *dout, float *grads,
                  float *dx, float *scratch)
{
    float *halves[] = {scratch, scratch + rows * mlp_widest(m)};
    const float *after = acts + rows * m->hidden; /* walks backwards over the layers' activations */
    for (int l = m->layers - 1; l >= 0; l--) {
        int64_t in = m->width[l], out = m->width[l + 1];
        after -= rows * out;
        const float *before = l ? after - rows * in : x;
        float *dbias = grads + m->bias[l];
        for (int64_t i = 0; i < rows; i++)
            for (int64_t j = 0; j < out; j++) dbias[j] += dout[i * out + j];
        gemm_f32(true, false, out, in, rows, 1, dout, before, 1, grads + m->weight[l]);
        float *din = l ? halves[l & 1] : dx;
        if (!din) break;
        gemm_f32(false, false, rows, in, out, 1, dout, params + m->weight[l], 0, din);
        if (l)
            for (int64_t i = 0; i < rows * in; i++) din[i] = before[i] > 0 ? din[i] : 0;
        dout = din;
    }
    if (!m->layers && dx) memcpy(dx, dout, (size_t)(rows * m->width[0]) * sizeof(float));
}
