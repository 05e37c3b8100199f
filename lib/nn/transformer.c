#include "nn/transformer.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "nn/head_norm.h"
#include "nn/vec.h"

/* Dropout sites of a layer; attention adds the segment's number to the last. */
enum { SITE_INPUT = 0, SITE_ATTENTION_OUT = 1, SITE_MLP_OUT = 2, SITE_PROBABILITIES = 1 << 20 };

static uint64_t site(int64_t layer, uint64_t which) { return ((uint64_t)(layer + 1) << 40) + which; }

/* Saved by the forward for the backward, for every layer. */
typedef struct {
    float *x_in, *x_mid;          /* [rows, d] residual stream before attention and before the MLP */
    float *inv_rms1, *inv_rms2;   /* [rows] */
    operand_t *norm1, *norm2;     /* [rows, d] */
    float *qkv;                   /* [rows, width], rotated */
    float *raw, *inv_rms_heads;   /* [rows, head_norm_width], [rows, heads + kv_heads] before heads were normalised; NULL: they are not */
    float *log_sum;               /* [rows, heads] */
    operand_t *attended;          /* [rows, heads * head_dim] */
    float *gate_up;               /* [rows, 2 f] */
    operand_t *act;               /* [rows, f] */
    float *dqkv;                  /* [rows, width] gradient that has reached qkv so far; NULL: no waves are taken back */
} layer_acts_t;

struct activations {
    activations_pass_t pass;
    int64_t capacity, step_capacity, longest, layers;
    layer_acts_t *layer;
    float *x_out, *inv_rms, *hidden; /* final residual stream, its norm, the result */
    operand_t *hidden_packed;
    float *wide, *narrow, *dx;       /* scratch [rows, max(2 f, width)], [rows, max(d, f, heads * head_dim)]; gradient stream */
    operand_t *packed;               /* scratch operand [rows, max(2 f, width)] */
    float *scratch;                  /* attention's */
    void *inner;                     /* of low-rank pairs; NULL: there are none */
};

network_t *network_new(const model_t *m, const backend_t *b, int64_t positions)
{
    const model_config_t *c = &m->config;
    network_t *net = NEW(network_t);
    net->model = m;
    net->backend = b;
    net->weights = weights_new(&m->params, b);
    net->rope = m->positions < 0 ? rope_make(positions, c->head_dim, c->rope_theta, c->rope_scaling) : (rope_t){.positions = positions};
    net->attention = (attention_shape_t){(int)c->num_attention_heads, (int)c->num_key_value_heads, c->head_dim};
    return net;
}

void network_sync(network_t *net) { weights_sync(&net->weights); }

void network_free(network_t *net)
{
    if (!net) return;
    rope_free(&net->rope);
    weights_free(&net->weights);
    free(net);
}

/* Rows that go through together: those of a pass's segments, or a wave's. */
typedef struct {
    int64_t first, used, rows;  /* where in the activations they begin, how many they are, and rounded up */
    const segments_t *segments; /* NULL: a wave's */
    const wave_t *wave;
    double dropout;
    uint64_t key;
} span_t;

static float *floats(int64_t rows, int64_t cols) { return xfloats(size_mul((size_t)rows, (size_t)cols)); }

static layer_acts_t layer_acts_new(const network_t *net, int64_t rows)
{
    const model_config_t *c = &net->model->config;
    const int64_t d = c->hidden_size, f = c->intermediate_size, heads = c->num_attention_heads;
    return (layer_acts_t){
        .x_in = floats(rows, d),
        .x_mid = floats(rows, d),
        .inv_rms1 = floats(rows, 1),
        .inv_rms2 = floats(rows, 1),
        .norm1 = operands_new(net->backend, rows * d),
        .norm2 = operands_new(net->backend, rows * d),
        .qkv = floats(rows, qkv_width(net->attention)),
        .raw = c->qk_norm ? floats(rows, head_norm_width(net->attention)) : NULL,
        .inv_rms_heads = c->qk_norm ? floats(rows, heads + c->num_key_value_heads) : NULL,
        .log_sum = floats(rows, heads),
        .attended = operands_new(net->backend, rows * heads * c->head_dim),
        .gate_up = floats(rows, 2 * f),
        .act = operands_new(net->backend, rows * f),
    };
}

/* Returns a layer's rows from `first` on. */
static layer_acts_t layer_rows(const network_t *net, const layer_acts_t *l, int64_t first)
{
    const model_config_t *c = &net->model->config;
    const int64_t d = c->hidden_size, f = c->intermediate_size, heads = c->num_attention_heads, width = qkv_width(net->attention);
    return (layer_acts_t){
        .x_in = l->x_in + first * d,
        .x_mid = l->x_mid + first * d,
        .inv_rms1 = l->inv_rms1 + first,
        .inv_rms2 = l->inv_rms2 + first,
        .norm1 = operand_at(net->backend, l->norm1, first * d),
        .norm2 = operand_at(net->backend, l->norm2, first * d),
        .qkv = l->qkv + first * width,
        .raw = l->raw ? l->raw + first * head_norm_width(net->attention) : NULL,
        .inv_rms_heads = l->raw ? l->inv_rms_heads + first * (heads + c->num_key_value_heads) : NULL,
        .log_sum = l->log_sum + first * heads,
        .attended = operand_at(net->backend, l->attended, first * heads * c->head_dim),
        .gate_up = l->gate_up + first * 2 * f,
        .act = operand_at(net->backend, l->act, first * f),
        .dqkv = l->dqkv ? l->dqkv + first * width : NULL,
    };
}

/* Takes space for the widest low-rank pair of any layer; NULL where there is none. */
static void *inner_new(const network_t *net, int64_t rows)
{
    size_t most = 0;
    for (int64_t i = 0; i < net->model->config.num_hidden_layers; i++) {
        const model_layer_t *l = &net->model->layers[i];
        const linear_t *all[] = {&l->qkv, &l->out, &l->gate_up, &l->down};
        for (size_t j = 0; j < sizeof all / sizeof *all; j++)
            if (linear_scratch(all[j], rows) > most) most = linear_scratch(all[j], rows);
    }
    return most ? xfloats(most / sizeof(float)) : NULL;
}

activations_t *activations_new(const network_t *net, activations_pass_t pass, int64_t rows, int64_t longest, int64_t step_rows)
{
    const model_config_t *c = &net->model->config;
    const int64_t d = c->hidden_size, f = c->intermediate_size, wide = max64(2 * f, qkv_width(net->attention));
    const int64_t narrow = max64(d, max64(f, c->num_attention_heads * c->head_dim));
    activations_t *a = NEW(activations_t);
    a->pass = pass;
    a->capacity = rows = round_rows(net->backend, rows);
    a->step_capacity = round_rows(net->backend, step_rows);
    a->longest = longest;
    a->layers = c->num_hidden_layers;
    a->layer = NEW_ARRAY(layer_acts_t, a->layers);
    for (int64_t i = 0; i < a->layers; i++) {
        if (i == 0 || pass == PASS_TRAIN) {
            a->layer[i] = layer_acts_new(net, rows);
        } else { /* extensions attend to every layer's keys and values */
            a->layer[i] = a->layer[0];
            if (pass == PASS_INFER) a->layer[i].qkv = floats(rows, qkv_width(net->attention));
        }
    }
    a->x_out = floats(rows, d);
    a->hidden = floats(rows, d);
    a->hidden_packed = operands_new(net->backend, rows * d);
    a->dx = pass == PASS_TRAIN ? floats(rows, d) : NULL;
    const int64_t scratch_rows = max64(rows, a->step_capacity);
    a->inv_rms = floats(scratch_rows, 1);
    a->wide = floats(scratch_rows, wide);
    a->narrow = floats(scratch_rows, narrow);
    a->packed = operands_new(net->backend, scratch_rows * wide);
    a->scratch = xfloats((size_t)attention_scratch(net->attention, longest));
    a->inner = inner_new(net, scratch_rows);
    return a;
}

void activations_free(activations_t *a)
{
    if (!a) return;
    for (int64_t i = 0; i < a->layers; i++) {
        layer_acts_t *l = &a->layer[i];
        if (i == 0 || a->pass != PASS_READ) free(l->qkv);
        if (i > 0 && a->pass != PASS_TRAIN) continue;
        void *all[] = {l->x_in, l->x_mid, l->inv_rms1, l->inv_rms2, l->norm1, l->norm2, l->raw, l->inv_rms_heads, l->log_sum,
                       l->attended, l->gate_up, l->act, l->dqkv};
        for (size_t j = 0; j < sizeof all / sizeof *all; j++) free(all[j]);
    }
    void *all[] = {a->layer, a->x_out, a->inv_rms, a->hidden, a->hidden_packed, a->wide, a->narrow, a->dx,
                   a->packed, a->scratch, a->inner};
    for (size_t j = 0; j < sizeof all / sizeof *all; j++) free(all[j]);
    free(a);
}

float *activations_input(activations_t *a) { return a->layer[0].x_in; }
const float *activations_input_grad(const activations_t *a) { return a->dx; }

static const float *gain(const network_t *net, int block) { return params_values(&net->model->params, block); }

static head_norm_t head_norm_of(const network_t *net, const model_layer_t *w)
{
    return (head_norm_t){net->attention, (float)net->model->config.rms_norm_eps, gain(net, w->q_norm), gain(net, w->k_norm)};
}

/* Normalises queries and keys, where the family does. */
static void normalise_heads(const network_t *net, const model_layer_t *w, int64_t rows, float *qkv, float *raw, float *inv_rms)
{
    if (w->q_norm < 0) return;
    const head_norm_t n = head_norm_of(net, w);
    head_norm_forward(&n, rows, qkv, raw, inv_rms);
}

static int64_t parent_of(const segments_t *p, int64_t segment) { return p->parents ? p->parents[segment] : -1; }

/* Counts the rows that a branch continues; 0 for other segments. */
static int64_t prefix_rows(const segments_t *p, int64_t segment)
{
    int64_t parent = parent_of(p, segment);
    return parent < 0 ? 0 : p->bounds[parent + 1] - p->bounds[parent];
}

/* Rotates queries and keys of every row, qkv [span's], to its position; `inverse` rotates back. */
static void rotate_rows(const network_t *net, const span_t *p, bool inverse, float *qkv)
{
    const attention_shape_t s = net->attention;
    const int64_t width = qkv_width(s);
    const segments_t *segments = p->segments;
    if (!net->rope.cos) return;
    for (int64_t g = 0; segments && g < segments->count; g++) {
        const int64_t before = prefix_rows(segments, g);
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
        int64_t first = segments->bounds[g], n = segments->bounds[g + 1] - first, parent = parent_of(segments, g);
        if (parent >= 0)
            attention_branch_forward(s, prefix_rows(segments, g), l->qkv + segments->bounds[parent] * width, n,
                                     l->qkv + first * width, a->narrow + first * out, l->log_sum + first * s.heads, a->scratch);
        else
            attention_forward(s, n, l->qkv + first * width,
                              dropout_site(p->dropout, p->key, site(layer, SITE_PROBABILITIES + (uint64_t)g)),
                              a->narrow + first * out, l->log_sum + first * s.heads, a->scratch);
    }
}

static void layer_forward(const network_t *net, activations_t *a, const span_t *p, int64_t i, float *x_out)
{
    const model_config_t *c = &net->model->config;
    const backend_t *b = net->backend;
    const model_layer_t *w = &net->model->layers[i];
    const int64_t rows = p->rows, d = c->hidden_size, f = c->intermediate_size, out = c->num_attention_heads * c->head_dim;
    layer_acts_t at = layer_rows(net, &a->layer[i], p->first), *l = &at;
    const float eps = (float)c->rms_norm_eps;

    rmsnorm_forward(b, rows, d, eps, l->x_in, gain(net, w->norm1), l->inv_rms1, l->norm1, NULL);
    linear_forward(&w->qkv, &net->weights, rows, l->norm1, l->qkv, a->inner);
    normalise_heads(net, w, rows, l->qkv, l->raw, l->inv_rms_heads);
    rotate_rows(net, p, false, l->qkv);
    if (p->wave) wave_attention_forward(net->attention, p->wave, a->layer[i].qkv, a->narrow, a->layer[i].log_sum, a->scratch);
    else attend_segments(net, a, p, l, i);
    memset(a->narrow + p->used * out, 0, (size_t)((rows - p->used) * out) * sizeof(float));
    b->pack(a->narrow, rows * out, l->attended);
    linear_forward(&w->out, &net->weights, rows, l->attended, a->narrow, a->inner);
    residual_dropout_forward(rows * d, l->x_in, a->narrow, dropout_site(p->dropout, p->key, site(i, SITE_ATTENTION_OUT)), l->x_mid);

    rmsnorm_forward(b, rows, d, eps, l->x_mid, gain(net, w->norm2), l->inv_rms2, l->norm2, NULL);
    linear_forward(&w->gate_up, &net->weights, rows, l->norm2, l->gate_up, a->inner);
    swiglu_forward(b, rows, f, l->gate_up, l->act);
    linear_forward(&w->down, &net->weights, rows, l->act, a->narrow, a->inner);
    residual_dropout_forward(rows * d, l->x_mid, a->narrow, dropout_site(p->dropout, p->key, site(i, SITE_MLP_OUT)), x_out);
}

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
    if (p->dropout > 0) dropout_scale(p->rows * d, dropout_site(p->dropout, p->key, site(-1, SITE_INPUT)), a->layer[0].x_in + at);
    for (int64_t i = 0; i < a->layers; i++)
        layer_forward(net, a, p, i, (i + 1 < a->layers ? a->layer[i + 1].x_in : a->x_out) + at);
    rmsnorm_forward(net->backend, p->rows, d, (float)m->config.rms_norm_eps, a->x_out + at, gain(net, m->norm),
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
    for (int64_t g = 0; g < s->count; g++) check_length(net, a, prefix_rows(s, g) + s->bounds[g + 1] - s->bounds[g]);
    return span_forward(net, a, &p, packed);
}

const float *transformer_wave_forward(const network_t *net, activations_t *a, const wave_t *w, double dropout, uint64_t key)
{
    const span_t p = wave_span(net, w, dropout, key);
    for (int64_t i = 0; i < w->rows; i++) check_length(net, a, wave_position(w, w->first + i) + 1);
    return span_forward(net, a, &p, NULL);
}

static void attend_segments_backward(const network_t *net, activations_t *a, const span_t *p, const layer_acts_t *l, int64_t layer,
                                     float *dqkv)
{
    const attention_shape_t s = net->attention;
    const segments_t *segments = p->segments;
    const int64_t width = qkv_width(s), out = s.heads * s.head_dim;
    for (int64_t g = 0; g < segments->count; g++) {
        int64_t first = segments->bounds[g], n = segments->bounds[g + 1] - first, parent = parent_of(segments, g);
        if (parent >= 0) /* its parent's gradient, written before, grows */
            attention_branch_backward(s, prefix_rows(segments, g), l->qkv + segments->bounds[parent] * width, n,
                                      l->qkv + first * width, l->log_sum + first * s.heads, a->narrow + first * out,
                                      dqkv + first * width, dqkv + segments->bounds[parent] * width, a->scratch);
        else
            attention_backward(s, n, l->qkv + first * width, l->log_sum + first * s.heads, a->narrow + first * out,
                               dropout_site(p->dropout, p->key, site(layer, SITE_PROBABILITIES + (uint64_t)g)),
                               dqkv + first * width, a->scratch);
    }
}

/* Takes a->narrow, the gradient of what was attended to, to that of qkv as its product gave it, in a->wide. */
static void attend_backward(const network_t *net, activations_t *a, const span_t *p, const layer_acts_t *l, int64_t layer, grads_t *grads)
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
        const head_norm_t n = head_norm_of(net, w);
        head_norm_backward(&n, p->used, l->raw, l->inv_rms_heads, a->wide, grads_block(grads, w->q_norm), grads_block(grads, w->k_norm));
    }
    memset(a->wide + p->used * width, 0, (size_t)((p->rows - p->used) * width) * sizeof(float));
}

/* Turns dx from the gradient of the layer's output into that of its input. */
static void layer_backward(const network_t *net, activations_t *a, const span_t *p, int64_t i, grads_t *grads)
{
    const model_config_t *c = &net->model->config;
    const backend_t *b = net->backend;
    const model_layer_t *w = &net->model->layers[i];
    const int64_t rows = p->rows, d = c->hidden_size, f = c->intermediate_size;
    const layer_acts_t at = layer_rows(net, &a->layer[i], p->first), *l = &at;
    float *dx = a->dx + p->first * d;

    dropout_backward_pack(b, rows, d, dx, dropout_site(p->dropout, p->key, site(i, SITE_MLP_OUT)), a->packed);
    linear_backward(&w->down, &net->weights, rows, l->act, a->packed, NULL, a->narrow, grads, a->inner);
    swiglu_backward(b, rows, f, l->gate_up, a->narrow, a->packed);
    linear_backward(&w->gate_up, &net->weights, rows, l->norm2, a->packed, NULL, a->narrow, grads, a->inner);
    rmsnorm_backward(rows, d, l->x_mid, gain(net, w->norm2), l->inv_rms2, a->narrow, dx, grads_block(grads, w->norm2));

    dropout_backward_pack(b, rows, d, dx, dropout_site(p->dropout, p->key, site(i, SITE_ATTENTION_OUT)), a->packed);
    linear_backward(&w->out, &net->weights, rows, l->attended, a->packed, NULL, a->narrow, grads, a->inner);
    attend_backward(net, a, p, l, i, grads);
    b->pack(a->wide, rows * qkv_width(net->attention), a->packed);
    linear_backward(&w->qkv, &net->weights, rows, l->norm1, a->packed, a->wide, a->narrow, grads, a->inner);
    rmsnorm_backward(rows, d, l->x_in, gain(net, w->norm1), l->inv_rms1, a->narrow, dx, grads_block(grads, w->norm1));
}

static void span_backward(const network_t *net, activations_t *a, const span_t *p, const float *dhidden, grads_t *grads)
{
    const model_t *m = net->model;
    const int64_t d = m->config.hidden_size;
    float *dx = a->dx + p->first * d;
    memset(dx, 0, (size_t)(p->rows * d) * sizeof(float));
    rmsnorm_backward(p->used, d, a->x_out + p->first * d, gain(net, m->norm), a->inv_rms + p->first, dhidden, dx,
                     grads_block(grads, m->norm));
    for (int64_t i = a->layers - 1; i >= 0; i--) layer_backward(net, a, p, i, grads);
    if (p->dropout > 0) dropout_scale(p->rows * d, dropout_site(p->dropout, p->key, site(-1, SITE_INPUT)), dx);
}

void transformer_backward(const network_t *net, activations_t *a, const segments_t *s, double dropout, uint64_t key,
                          const float *dhidden, grads_t *grads)
{
    const span_t p = span_of(net, s, dropout, key);
    span_backward(net, a, &p, dhidden, grads);
}

void transformer_waves_begin_backward(const network_t *net, activations_t *a, int64_t rows)
{
    const int64_t width = qkv_width(net->attention);
    for (int64_t i = 0; i < a->layers; i++) {
        if (!a->layer[i].dqkv) a->layer[i].dqkv = floats(a->capacity, width);
        memset(a->layer[i].dqkv, 0, (size_t)(rows * width) * sizeof(float));
    }
}

void transformer_wave_backward(const network_t *net, activations_t *a, const wave_t *w, double dropout, uint64_t key,
                               const float *dhidden, grads_t *grads)
{
    const span_t p = wave_span(net, w, dropout, key);
    span_backward(net, a, &p, dhidden, grads);
}

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
        rmsnorm_forward(b, rows, d, eps, e->x, gain(net, w->norm1), a->inv_rms, a->packed, NULL);
        linear_forward(&w->qkv, &net->weights, rows, a->packed, e->qkv[i], a->inner);
        normalise_heads(net, w, rows, e->qkv[i], NULL, NULL);
        extend_attention(net, a, p, e, i, segment, position, depth, earlier, ancestor, a->narrow);
        memset(a->narrow + e->rows * heads_width, 0, (size_t)((rows - e->rows) * heads_width) * sizeof(float));
        b->pack(a->narrow, rows * heads_width, a->packed);
        linear_forward(&w->out, &net->weights, rows, a->packed, a->narrow, a->inner);
        residual_dropout_forward(rows * d, e->x, a->narrow, dropout_site(0, 0, 0), e->x);
        rmsnorm_forward(b, rows, d, eps, e->x, gain(net, w->norm2), a->inv_rms, a->packed, NULL);
        linear_forward(&w->gate_up, &net->weights, rows, a->packed, a->wide, a->inner);
        swiglu_forward(b, rows, f, a->wide, a->packed);
        linear_forward(&w->down, &net->weights, rows, a->packed, a->narrow, a->inner);
        residual_dropout_forward(rows * d, e->x, a->narrow, dropout_site(0, 0, 0), e->x);
    }
    rmsnorm_forward(b, rows, d, eps, e->x, gain(net, m->norm), a->inv_rms, a->packed, e->x);
}
