#include "nn/attend.h"

#include <string.h>

#include "data/st.h"
#include "nn/vec.h"

/* Rotates queries and keys of every row, qkv [span's], to its position; `inverse` rotates back. */
static void rotate_rows(const network_t *net, const span_t *p, bool inverse, float *qkv)
{
    const attention_shape_t s = net->attention;
    const int64_t width = qkv_width(s);
    const segments_t *segments = p->segments;
    if (!net->rope.cos) return;
    for (int64_t g = 0; segments && g < segments->count; g++) {
        const int64_t before = segments_prefix(segments, g);
        for (int64_t r = segments->bounds[g]; r < segments->bounds[g + 1]; r++)
            rope_row(&net->rope, before + r - segments->bounds[g], s.heads + s.kv_heads, inverse, qkv + r * width);
    }
    for (int64_t r = 0; p->wave && r < p->used; r++)
        rope_row(&net->rope, wave_position(p->wave, p->first + r), s.heads + s.kv_heads, inverse, qkv + r * width);
}

static void attend_segments(const network_t *net, activations_t *a, const span_t *p, layer_acts_t *l, int64_t layer)
{
    const attention_shape_t s = net->attention;
    const segments_t *segments = p->segments;
    const int64_t width = qkv_width(s), out = s.heads * s.head_dim;
    for (int64_t g = 0; g < segments->count; g++) {
        int64_t first = segments->bounds[g], n = segments->bounds[g + 1] - first, parent = segments_parent(segments, g);
        if (parent >= 0)
            attention_branch_forward(s, segments_prefix(segments, g), l->qkv + segments->bounds[parent] * width, n,
                                     l->qkv + first * width, a->narrow + first * out, l->log_sum + first * s.heads, a->scratch);
        else
            attention_forward(s, n, l->qkv + first * width,
                              span_dropout(p, layer, SITE_PROBABILITIES + g),
                              a->narrow + first * out, l->log_sum + first * s.heads, a->scratch);
    }
}

void attend_forward(const network_t *net, activations_t *a, const span_t *p, layer_acts_t *l, int64_t layer)
{
    const int64_t out = net->attention.heads * net->attention.head_dim;
    network_normalise_heads(net, &net->model->layers[layer], p->rows, l->qkv, l->raw, l->inv_rms_heads);
    rotate_rows(net, p, false, l->qkv);
    if (p->wave) wave_attention_forward(net->attention, p->wave, a->layer[layer].qkv, a->narrow, a->layer[layer].log_sum, a->scratch);
    else attend_segments(net, a, p, l, layer);
    memset(a->narrow + p->used * out, 0, (size_t)((p->rows - p->used) * out) * sizeof(float));
    for (int64_t r = 0; l->cache && r < p->used; r++)
        st_bf16_of(cache_width(net->attention), l->qkv + r * qkv_width(net->attention) + out, l->cache + r * cache_width(net->attention));
}

static void attend_segments_backward(const network_t *net, activations_t *a, const span_t *p, const layer_acts_t *l, int64_t layer,
                                     float *dqkv)
{
    const attention_shape_t s = net->attention;
    const segments_t *segments = p->segments;
    const int64_t width = qkv_width(s), out = s.heads * s.head_dim;
    for (int64_t g = 0; g < segments->count; g++) {
        int64_t first = segments->bounds[g], n = segments->bounds[g + 1] - first, parent = segments_parent(segments, g);
        if (parent >= 0) /* its parent's gradient, written before, grows */
            attention_branch_backward(s, segments_prefix(segments, g), l->qkv + segments->bounds[parent] * width, n,
                                      l->qkv + first * width, l->log_sum + first * s.heads, a->narrow + first * out,
                                      dqkv + first * width, dqkv + segments->bounds[parent] * width, a->scratch);
        else
            attention_backward(s, n, l->qkv + first * width, l->log_sum + first * s.heads, a->narrow + first * out,
                               span_dropout(p, layer, SITE_PROBABILITIES + g),
                               dqkv + first * width, a->scratch);
    }
}

void attend_backward(const network_t *net, activations_t *a, const span_t *p, const layer_acts_t *l, int64_t layer, grads_t *grads)
{
    const int64_t width = qkv_width(net->attention);
    if (p->wave) {
        const layer_acts_t *all = &a->layer[layer];
        wave_attention_backward(net->attention, p->wave, all->qkv, all->log_sum, a->narrow, all->dqkv, a->scratch);
        memcpy(a->wide, l->dqkv, (size_t)(p->used * width) * sizeof *a->wide);
    } else {
        attend_segments_backward(net, a, p, l, layer, a->wide);
        if (l->dqkv) vec_add(p->used * width, l->dqkv, a->wide);
    }
    rotate_rows(net, p, true, a->wide);
    if (l->raw) {
        const model_layer_t *w = &net->model->layers[layer];
        const head_norm_t n = network_head_norm(net, w);
        head_norm_backward(&n, p->used, l->raw, l->inv_rms_heads, a->wide, grads_block(grads, w->q_norm), grads_block(grads, w->k_norm));
    }
    memset(a->wide + p->used * width, 0, (size_t)((p->rows - p->used) * width) * sizeof(float));
}
