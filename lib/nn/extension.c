#include "nn/extension.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/ops.h"

static float *floats(int64_t rows, int64_t cols) { return xfloats(size_mul((size_t)rows, (size_t)cols)); }

extension_t extension_new(const network_t *net, int64_t capacity)
{
    extension_t e = {.capacity = round_rows(net->backend, capacity)};
    e.x = floats(e.capacity, net->model->config.hidden_size);
    e.qkv = NEW_ARRAY(float *, net->model->config.num_hidden_layers);
    for (int64_t i = 0; i < net->model->config.num_hidden_layers; i++) e.qkv[i] = floats(e.capacity, qkv_width(net->attention));
    return e;
}

void extension_free(const network_t *net, extension_t *e)
{
    for (int64_t i = 0; i < net->model->config.num_hidden_layers; i++) free(e->qkv[i]);
    free(e->qkv);
    free(e->x);
    *e = (extension_t){0};
}

static void extend_attention(const network_t *net, activations_t *a, const segments_t *p, const extension_t *e, int64_t layer,
                             const int64_t *segment, const int64_t *position, int depth, const extension_t *earlier,
                             const int32_t *ancestor, float *out)
{
    const attention_shape_t s = net->attention;
    const int64_t width = qkv_width(s), heads_width = s.heads * s.head_dim;
    float *scores = xfloats((size_t)(a->longest + ATTENTION_EXTRA + 1));
    for (int64_t r = 0; r < e->rows; r++) {
        if (position[r] >= net->rope.positions)
            die(EX_SOFTWARE, "transformer: position %lld is beyond the rotary tables", (long long)position[r]);
        float *row = e->qkv[layer] + r * width;
        const float *extra[ATTENTION_EXTRA];
        for (int i = 0; i < depth; i++) extra[i] = earlier[i].qkv[layer] + ancestor[r * depth + i] * width;
        if (net->rope.cos) rope_row(&net->rope, position[r], s.heads + s.kv_heads, false, row);
        int64_t first = p->bounds[segment[r]], n = p->bounds[segment[r] + 1] - first;
        attention_extend(s, row, n, a->layer[layer].qkv + first * width, depth, extra, out + r * heads_width, NULL, scores);
    }
    free(scores);
}

void transformer_extend(const network_t *net, activations_t *a, const segments_t *p, extension_t *e, const int64_t *segment,
                        const int64_t *position, int depth, const extension_t *earlier, const int32_t *ancestor)
{
    const model_t *m = net->model;
    const model_config_t *c = &m->config;
    const backend_t *b = net->backend;
    const int64_t rows = round_rows(b, e->rows), d = c->hidden_size, f = c->intermediate_size;
    const int64_t heads_width = c->num_attention_heads * c->head_dim;
    const float eps = (float)c->rms_norm_eps;
    if (rows > e->capacity || rows > a->step_capacity || depth > ATTENTION_EXTRA)
        die(EX_SOFTWARE, "transformer: step beyond its space");
    memset(e->x + e->rows * d, 0, (size_t)((rows - e->rows) * d) * sizeof(float));
    for (int64_t i = 0; i < c->num_hidden_layers; i++) {
        const model_layer_t *w = &m->layers[i];
        rmsnorm_forward(b, rows, d, eps, e->x, network_gain(net, w->norm1), a->inv_rms, a->packed, NULL);
        linear_forward(&w->qkv, &net->weights, rows, a->packed, e->qkv[i], a->inner);
        network_normalise_heads(net, w, rows, e->qkv[i], NULL, NULL);
        extend_attention(net, a, p, e, i, segment, position, depth, earlier, ancestor, a->narrow);
        memset(a->narrow + e->rows * heads_width, 0, (size_t)((rows - e->rows) * heads_width) * sizeof(float));
        b->pack(a->narrow, rows * heads_width, a->packed);
        linear_forward(&w->out, &net->weights, rows, a->packed, a->narrow, a->inner);
        residual_dropout_forward(rows * d, e->x, a->narrow, dropout_site(0, 0, 0), e->x);
        rmsnorm_forward(b, rows, d, eps, e->x, network_gain(net, w->norm2), a->inv_rms, a->packed, NULL);
        linear_forward(&w->gate_up, &net->weights, rows, a->packed, a->wide, a->inner);
        swiglu_forward(b, rows, f, a->wide, a->packed);
        linear_forward(&w->down, &net->weights, rows, a->packed, a->narrow, a->inner);
        residual_dropout_forward(rows * d, e->x, a->narrow, dropout_site(0, 0, 0), e->x);
    }
    rmsnorm_forward(b, rows, d, eps, e->x, network_gain(net, m->norm), a->inv_rms, a->packed, e->x);
}
