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

/* A step's rows in one layer: what they are and where each stands. */
typedef struct {
    const segments_t *segments;
    const extension_t *step, *earlier;
    const int64_t *segment, *position;
    int depth;
    const int32_t *ancestor;
} place_t;

/* Rotates the rows to their positions. */
static void rotate_step(const network_t *net, const place_t *p, int64_t layer)
{
    const attention_shape_t s = net->attention;
    for (int64_t r = 0; r < p->step->rows; r++) {
        if (p->position[r] >= net->rope.positions)
            die(EX_SOFTWARE, "transformer: position %lld is beyond the rotary tables", (long long)p->position[r]);
        if (net->rope.cos) rope_row(&net->rope, p->position[r], s.heads + s.kv_heads, false, p->step->qkv[layer] + r * qkv_width(s));
    }
}

/* Finds the rows' ancestors, [rows, depth]. */
static const float **ancestors_of(const network_t *net, const place_t *p, int64_t layer)
{
    const int64_t n = p->step->rows * p->depth;
    const float **rows = NEW_ARRAY(const float *, n + 1);
    for (int64_t i = 0; i < n; i++) rows[i] = p->earlier[i % p->depth].qkv[layer] + p->ancestor[i] * qkv_width(net->attention);
    return rows;
}

static void extend_attention(const network_t *net, const activations_t *a, const place_t *p, int64_t layer, float *out)
{
    const attention_shape_t s = net->attention;
    const int64_t width = qkv_width(s), heads_width = s.heads * s.head_dim;
    const layer_acts_t *l = &a->layer[layer];
    const float **extra = ancestors_of(net, p, layer);
    float *scratch = xfloats((size_t)(l->cache ? attention_cached_scratch(s, a->longest) : a->longest + ATTENTION_EXTRA + 1));
    rotate_step(net, p, layer);
    for (int64_t r = 0, n = 1; r < p->step->rows; r += n, n = 1) {
        const int64_t first = p->segments->bounds[p->segment[r]], prefix = p->segments->bounds[p->segment[r] + 1] - first;
        const float *row = p->step->qkv[layer] + r * width, *const *above = extra + r * p->depth;
        while (l->cache && r + n < p->step->rows && p->segment[r + n] == p->segment[r]) n++; /* they read the prefix together */
        if (l->cache)
            attention_extend_cached(s, n, row, prefix, l->cache + first * cache_width(s), p->depth, above, out + r * heads_width, scratch);
        else attention_extend(s, row, prefix, l->qkv + first * width, p->depth, above, out + r * heads_width, NULL, scratch);
    }
    free(scratch);
    free(extra);
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
    const place_t place = {p, e, earlier, segment, position, depth, ancestor};
    memset(e->x + e->rows * d, 0, (size_t)((rows - e->rows) * d) * sizeof(float));
    for (int64_t i = 0; i < c->num_hidden_layers; i++) {
        const model_layer_t *w = &m->layers[i];
        rmsnorm_forward(b, rows, d, eps, e->x, network_gain(net, w->norm1), a->inv_rms, a->packed, NULL);
        linear_forward(&w->qkv, &net->weights, rows, a->packed, e->qkv[i], a->inner);
        network_normalise_heads(net, w, rows, e->qkv[i], NULL, NULL);
        extend_attention(net, a, &place, i, a->narrow);
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
