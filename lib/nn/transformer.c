#include "nn/transformer.h"

#include <string.h>

#include "base/err.h"
#include "nn/layer.h"
#include "nn/ops.h"

/* Checks that rows fit, and zeroes the input between those in use and the round number. */
static void begin_span(const network_t *net, activations_t *a, const span_t *p)
{
    const int64_t d = net->model->config.hidden_size;
    if (p->first + p->rows > a->capacity)
        die(EX_SOFTWARE, "transformer: %lld rows in space for %lld", (long long)(p->first + p->rows), (long long)a->capacity);
    memset(a->layer[0].x_in + (p->first + p->used) * d, 0, (size_t)((p->rows - p->used) * d) * sizeof(float));
}

static void check_length(const network_t *net, const activations_t *a, int64_t length)
{
    if (length > a->longest || length > net->rope.positions)
        die(EX_SOFTWARE, "transformer: a segment of %lld rows is too long", (long long)length);
}

static const float *span_forward(const network_t *net, activations_t *a, const span_t *p, const operand_t **packed)
{
    const model_t *m = net->model;
    const int64_t d = m->config.hidden_size, at = p->first * d;
    begin_span(net, a, p);
    if (p->dropout > 0) dropout_scale(p->rows * d, span_dropout(p, -1, SITE_INPUT), a->layer[0].x_in + at);
    for (int64_t i = 0; i < a->layers; i++)
        layer_forward(net, a, p, i, (i + 1 < a->layers ? a->layer[i + 1].x_in : a->x_out) + at);
    rmsnorm_forward(net->backend, p->rows, d, (float)m->config.rms_norm_eps, a->x_out + at, network_gain(net, m->norm),
                    a->inv_rms + p->first, operand_at(net->backend, a->hidden_packed, at), a->hidden + at);
    if (packed) *packed = operand_at(net->backend, a->hidden_packed, at);
    return a->hidden + at;
}

static span_t span_of(const network_t *net, const segments_t *s, double dropout, uint64_t key)
{
    return (span_t){0, s->rows, round_rows(net->backend, s->rows), s, NULL, dropout, key};
}

static span_t wave_span(const network_t *net, const wave_t *w, double dropout, uint64_t key)
{
    return (span_t){w->first, w->rows, round_rows(net->backend, w->rows), NULL, w, dropout, key};
}

const float *transformer_forward(const network_t *net, activations_t *a, const segments_t *s, double dropout, uint64_t key,
                                 const operand_t **packed)
{
    const span_t p = span_of(net, s, dropout, key);
    for (int64_t g = 0; g < s->count; g++) check_length(net, a, segments_prefix(s, g) + s->bounds[g + 1] - s->bounds[g]);
    return span_forward(net, a, &p, packed);
}

const float *transformer_wave_forward(const network_t *net, activations_t *a, const wave_t *w, double dropout, uint64_t key)
{
    const span_t p = wave_span(net, w, dropout, key);
    if (a->pass != PASS_TRAIN && a->pass != PASS_INFER) die(EX_SOFTWARE, "transformer: waves behind a pass that keeps no keys and values");
    for (int64_t i = 0; i < w->rows; i++) check_length(net, a, wave_position(w, w->first + i) + 1);
    return span_forward(net, a, &p, NULL);
}

static void span_backward(const network_t *net, activations_t *a, const span_t *p, const float *dhidden, grads_t *grads)
{
    const model_t *m = net->model;
    const int64_t d = m->config.hidden_size;
    float *dx = a->dx + p->first * d;
    memset(dx, 0, (size_t)(p->rows * d) * sizeof(float));
    rmsnorm_backward(p->used, d, a->x_out + p->first * d, network_gain(net, m->norm), a->inv_rms + p->first, dhidden, dx,
                     grads_block(grads, m->norm));
    for (int64_t i = a->layers - 1; i >= 0; i--) {
        if (a->pass == PASS_TRAIN_LAYERS && i + 1 < a->layers) layer_again(net, a, p, i); /* the last one's are there since the forward */
        layer_backward(net, a, p, i, grads);
    }
    if (p->dropout > 0) dropout_scale(p->rows * d, span_dropout(p, -1, SITE_INPUT), dx);
}

void transformer_backward(const network_t *net, activations_t *a, const segments_t *s, double dropout, uint64_t key,
                          const float *dhidden, grads_t *grads)
{
    const span_t p = span_of(net, s, dropout, key);
    span_backward(net, a, &p, dhidden, grads);
}

void transformer_waves_begin_backward(const network_t *net, activations_t *a, int64_t rows) { activations_begin_waves(net, a, rows); }

void transformer_wave_backward(const network_t *net, activations_t *a, const wave_t *w, double dropout, uint64_t key,
                               const float *dhidden, grads_t *grads)
{
    const span_t p = wave_span(net, w, dropout, key);
    span_backward(net, a, &p, dhidden, grads);
}
