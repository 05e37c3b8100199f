#include "nn/mlp.h"

#include <math.h>
#include <string.h>

#include "base/mem.h"

static linear_t add_layer(params_t *params, const char *name, int l, int64_t in, int64_t out)
{
    char *matrix = xasprintf("%s.%d.weight", name, l);
    const int weight = params_add(params, (param_t){.name = matrix, .rows = out, .cols = in, .decay = true});
    const int bias = params_add(params, (param_t){.name = xasprintf("%s.%d.bias", name, l), .cols = out});
    return linear_on(in, out, weight, bias);
}

mlp_t mlp_add(params_t *params, const char *name, int layers, const int64_t *width)
{
    mlp_t m = {.layers = layers};
    memcpy(m.width, width, (size_t)(layers + 1) * sizeof *width);
    for (int l = 0; l < layers; l++) {
        m.layer[l] = add_layer(params, name, l, width[l], width[l + 1]);
        m.hidden += width[l + 1];
    }
    return m;
}

void mlp_init(const mlp_t *m, const params_t *params, uint64_t key)
{
    for (int l = 0; l < m->layers; l++) {
        const double deviation = sqrt((l + 1 < m->layers ? 2.0 : 1.0) / (double)m->width[l]);
        params_fill_normal_placed(params, m->layer[l].weight, deviation, key);
        params_fill(params, m->layer[l].bias, 0);
    }
}

int64_t mlp_widest(const mlp_t *m)
{
    int64_t widest = 0;
    for (int l = 0; l <= m->layers; l++)
        if (m->width[l] > widest) widest = m->width[l];
    return widest;
}

const float *mlp_forward(const mlp_t *m, const weights_t *w, int64_t rows, const float *x, float *acts)
{
    for (int l = 0; l < m->layers; l++) {
        const int64_t n = rows * m->width[l + 1];
        linear_forward(&m->layer[l], w, rows, x, acts, NULL);
        for (int64_t i = 0; l + 1 < m->layers && i < n; i++) acts[i] = acts[i] > 0 ? acts[i] : 0;
        x = acts;
        acts += n;
    }
    return x;
}

void mlp_backward(const mlp_t *m, const weights_t *w, int64_t rows, const float *x, const float *acts, const float *dout,
                  float *dx, grads_t *grads, float *scratch)
{
    float *halves[] = {scratch, scratch + rows * mlp_widest(m)};
    const float *after = acts + rows * m->hidden; /* walks backwards over the layers' activations */
    for (int l = m->layers - 1; l >= 0; l--) {
        const int64_t n = rows * m->width[l];
        after -= rows * m->width[l + 1];
        const float *before = l ? after - n : x;
        float *din = l ? halves[l & 1] : dx;
        linear_backward(&m->layer[l], w, rows, before, dout, dout, din, grads, NULL);
        for (int64_t i = 0; l && i < n; i++) din[i] = before[i] > 0 ? din[i] : 0;
        dout = din;
    }
    if (!m->layers && dx) memcpy(dx, dout, (size_t)(rows * m->width[0]) * sizeof(float));
}
