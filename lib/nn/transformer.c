#include "nn/transformer.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

/* Dropout sites of a layer; attention adds the segment's number to the last. */
enum { SITE_INPUT = 0, SITE_ATTENTION_OUT = 1, SITE_MLP_OUT = 2, SITE_PROBABILITIES = 1 << 20 };

static uint64_t site(int64_t layer, uint64_t which) { return ((uint64_t)(layer + 1) << 40) + which; }

/* Saved by the forward for the backward, for every layer. */
typedef struct {
    float *x_in, *x_mid;          /* [rows, d] residual stream before attention and before the MLP */
    float *inv_rms1, *inv_rms2;   /* [rows] */
    operand_t *norm1, *norm2;     /* [rows, d] */
    float *qkv;                   /* [rows, width], rotated */
    float *log_sum;               /* [rows, heads] */
    operand_t *attended;          /* [rows, heads * head_dim] */
    float *gate_up;               /* [rows, 2 f] */
    operand_t *act;               /* [rows, f] */
} layer_acts_t;

struct activations {
    pass_t pass;
    int64_t capacity, step_capacity, longest, layers;
    layer_acts_t *layer;
    float *x_out, *inv_rms, *hidden; /* final residual stream, its norm, the result */
    operand_t *hidden_packed;
    float *wide, *narrow, *dx;       /* scratch [rows, max(2 f, width)], [rows, max(d, f, heads * head_dim)]; gradient stream */
    operand_t *packed;               /* scratch operand [rows, max(2 f, width)] */
    float *scratch;                  /* attention's */
};

static int64_t max64(int64_t a, int64_t b) { return a > b ? a : b; }

network_t *network_new(const model_t *m, const backend_t *b, int64_t positions)
{
    const model_config_t *c = &m->config;
    network_t *net = NEW(network_t);
    net->model = m;
    net->backend = b;
    net->packed = xfloats((size_t)m->size);
    net->rope = rope_make(positions, c->head_dim, c->rope_theta);
    net->attention = (attention_shape_t){(int)c->num_attention_heads, (int)c->num_key_value_heads, c->head_dim};
    network_sync(net);
    return net;
}

void network_sync(network_t *net) { net->backend->pack(net->model->weights, net->model->size, net->packed); }

void network_free(network_t *net)
{
    if (!net) return;
    rope_free(&net->rope);
    free(net->packed);
    free(net);
}

static operand_t *operands(int64_t rows, int64_t cols) { return xfloats(size_mul((size_t)rows, (size_t)cols)); }
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
        .norm1 = operands(rows, d),
        .norm2 = operands(rows, d),
        .qkv = floats(rows, qkv_width(net->attention)),
        .log_sum = floats(rows, heads),
        .attended = operands(rows, heads * c->head_dim),
        .gate_up = floats(rows, 2 * f),
        .act = operands(rows, f),
    };
}

activations_t *activations_new(const network_t *net, pass_t pass, int64_t rows, int64_t longest, int64_t step_rows)
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
            a->layer[i].qkv = floats(rows, qkv_width(net->attention));
        }
    }
    a->x_out = floats(rows, d);
    a->hidden = floats(rows, d);
    a->hidden_packed = operands(rows, d);
    a->dx = pass == PASS_TRAIN ? floats(rows, d) : NULL;
    const int64_t scratch_rows = max64(rows, a->step_capacity);
    a->inv_rms = floats(scratch_rows, 1);
    a->wide = floats(scratch_rows, wide);
    a->narrow = floats(scratch_rows, narrow);
    a->packed = operands(scratch_rows, wide);
    a->scratch = xfloats((size_t)attention_scratch(net->attention, longest));
    return a;
}

void activations_free(activations_t *a)
{
    if (!a) return;
    for (int64_t i = 0; i < a->layers; i++) {
        layer_acts_t *l = &a->layer[i];
        free(l->qkv);
        if (i > 0 && a->pass == PASS_INFER) continue;
        void *all[] = {l->x_in, l->x_mid, l->inv_rms1, l->inv_rms2, l->norm1, l->norm2, l->log_sum, l->attended, l->gate_up, l->act};
        for (size_t j = 0; j < sizeof all / sizeof *all; j++) free(all[j]);
    }
    void *all[] = {a->layer, a->x_out, a->inv_rms, a->hidden, a->hidden_packed, a->wide, a->narrow, a->dx, a->packed, a->scratch};
    for (size_t j = 0; j < sizeof all / sizeof *all; j++) free(all[j]);
    free(a);
}

float *activations_input(activations_t *a) { return a->layer[0].x_in; }
const float *activations_input_grad(const activations_t *a) { return a->dx; }

static const operand_t *weight(const network_t *net, int64_t offset) { return operand_at(net->backend, net->packed, offset); }
static const float *gain(const network_t *net, int64_t offset) { return net->model->weights + offset; }

static int64_t parent_of(const packed_t *p, int64_t segment) { return p->parents ? p->parents[segment] : -1; }

/* Rows that a branch continues; 0 for other segments. */
static int64_t prefix_rows(const packed_t *p, int64_t segment)
{
    int64_t parent = parent_of(p, segment);
    return parent < 0 ? 0 : p->bounds[parent + 1] - p->bounds[parent];
}

/* Rotates queries and keys of every row to its position; `inverse` rotates back. */
static void rotate_rows(const network_t *net, const packed_t *p, bool inverse, float *qkv)
{
    const attention_shape_t s = net->attention;
    const int64_t width = qkv_width(s);
    for (int64_t g = 0; g < p->segments; g++) {
        const int64_t before = prefix_rows(p, g);
        for (int64_t r = p->bounds[g]; r < p->bounds[g + 1]; r++)
            rope_row(&net->rope, before + r - p->bounds[g], s.heads + s.kv_heads, inverse, qkv + r * width);
    }
}

static void attend(const network_t *net, activations_t *a, const packed_t *p, layer_acts_t *l, int64_t rows, double dropout, uint64_t key,
                   int64_t layer)
{
    const attention_shape_t s = net->attention;
    const int64_t width = qkv_width(s), out = s.heads * s.head_dim;
    for (int64_t g = 0; g < p->segments; g++) {
        int64_t first = p->bounds[g], n = p->bounds[g + 1] - first, parent = parent_of(p, g);
        if (parent >= 0)
            attention_branch_forward(s, prefix_rows(p, g), l->qkv + p->bounds[parent] * width, n, l->qkv + first * width,
                                     a->narrow + first * out, l->log_sum + first * s.heads, a->scratch);
        else
            attention_forward(s, n, l->qkv + first * width, dropout_site(dropout, key, site(layer, SITE_PROBABILITIES + (uint64_t)g)),
                              a->narrow + first * out, l->log_sum + first * s.heads, a->scratch);
    }
    memset(a->narrow + p->rows * out, 0, (size_t)((rows - p->rows) * out) * sizeof(float));
    net->backend->pack(a->narrow, rows * out, l->attended);
}

static void layer_forward(const network_t *net, activations_t *a, const packed_t *p, int64_t rows, int64_t i, double dropout, uint64_t key,
                          float *x_out)
{
    const model_config_t *c = &net->model->config;
    const backend_t *b = net->backend;
    const layer_t *w = &net->model->layers[i];
    const int64_t d = c->hidden_size, f = c->intermediate_size, width = qkv_width(net->attention), heads_width = c->num_attention_heads * c->head_dim;
    layer_acts_t *l = &a->layer[i];
    const float eps = (float)c->rms_norm_eps;

    rmsnorm_forward(b, rows, d, eps, l->x_in, gain(net, w->norm1), l->inv_rms1, l->norm1, NULL);
    b->matmul(false, true, rows, width, d, l->norm1, weight(net, w->qkv), l->qkv);
    rotate_rows(net, p, false, l->qkv);
    attend(net, a, p, l, rows, dropout, key, i);
    b->matmul(false, true, rows, d, heads_width, l->attended, weight(net, w->out), a->narrow);
    residual_dropout_forward(rows * d, l->x_in, a->narrow, dropout_site(dropout, key, site(i, SITE_ATTENTION_OUT)), l->x_mid);

    rmsnorm_forward(b, rows, d, eps, l->x_mid, gain(net, w->norm2), l->inv_rms2, l->norm2, NULL);
    b->matmul(false, true, rows, 2 * f, d, l->norm2, weight(net, w->gate_up), l->gate_up);
    swiglu_forward(b, rows, f, l->gate_up, l->act);
    b->matmul(false, true, rows, d, f, l->act, weight(net, w->down), a->narrow);
    residual_dropout_forward(rows * d, l->x_mid, a->narrow, dropout_site(dropout, key, site(i, SITE_MLP_OUT)), x_out);
}

/* Checks that a packing fits, and zeroes the input rows between the rows in use and the round number. */
static int64_t begin_pass(const network_t *net, activations_t *a, const packed_t *p)
{
    int64_t rows = round_rows(net->backend, p->rows), d = net->model->config.hidden_size;
    if (rows > a->capacity) die(EX_SOFTWARE, "transformer: %lld rows in space for %lld", (long long)rows, (long long)a->capacity);
    for (int64_t g = 0; g < p->segments; g++) {
        int64_t length = prefix_rows(p, g) + p->bounds[g + 1] - p->bounds[g];
        if (length > a->longest || length > net->rope.positions)
            die(EX_SOFTWARE, "transformer: a segment of %lld rows is too long", (long long)length);
    }
    memset(a->layer[0].x_in + p->rows * d, 0, (size_t)((rows - p->rows) * d) * sizeof(float));
    return rows;
}

const float *transformer_forward(const network_t *net, activations_t *a, const packed_t *p, double dropout, uint64_t key,
                                 const operand_t **packed)
{
    const model_t *m = net->model;
    const int64_t rows = begin_pass(net, a, p), d = m->config.hidden_size;
    dropout_t input = dropout_site(dropout, key, site(-1, SITE_INPUT));
    float *x = a->layer[0].x_in;
    if (dropout > 0) dropout_scale(rows * d, input, x);
    for (int64_t i = 0; i < a->layers; i++)
        layer_forward(net, a, p, rows, i, dropout, key, i + 1 < a->layers ? a->layer[i + 1].x_in : a->x_out);
    rmsnorm_forward(net->backend, rows, d, (float)m->config.rms_norm_eps, a->x_out, gain(net, m->norm), a->inv_rms, a->hidden_packed, a->hidden);
    if (packed) *packed = a->hidden_packed;
    return a->hidden;
}

/* dx (gradient of the layer's output) becomes the gradient of its input. */
static void layer_backward(const network_t *net, activations_t *a, const packed_t *p, int64_t rows, int64_t i, double dropout, uint64_t key,
                           float *grads)
{
    const model_config_t *c = &net->model->config;
    const backend_t *b = net->backend;
    const layer_t *w = &net->model->layers[i];
    const attention_shape_t s = net->attention;
    const int64_t d = c->hidden_size, f = c->intermediate_size, width = qkv_width(s), heads_width = s.heads * s.head_dim;
    layer_acts_t *l = &a->layer[i];

    dropout_backward_pack(b, rows, d, a->dx, dropout_site(dropout, key, site(i, SITE_MLP_OUT)), a->packed);
    b->matmul(true, false, d, f, rows, a->packed, l->act, grads + w->down);
    b->matmul(false, false, rows, f, d, a->packed, weight(net, w->down), a->narrow);
    swiglu_backward(b, rows, f, l->gate_up, a->narrow, a->packed);
    b->matmul(true, false, 2 * f, d, rows, a->packed, l->norm2, grads + w->gate_up);
    b->matmul(false, false, rows, d, 2 * f, a->packed, weight(net, w->gate_up), a->narrow);
    rmsnorm_backward(rows, d, l->x_mid, gain(net, w->norm2), l->inv_rms2, a->narrow, a->dx, grads + w->norm2);

    dropout_backward_pack(b, rows, d, a->dx, dropout_site(dropout, key, site(i, SITE_ATTENTION_OUT)), a->packed);
    b->matmul(true, false, d, heads_width, rows, a->packed, l->attended, grads + w->out);
    b->matmul(false, false, rows, heads_width, d, a->packed, weight(net, w->out), a->narrow);
    for (int64_t g = 0; g < p->segments; g++) {
        int64_t first = p->bounds[g], n = p->bounds[g + 1] - first, parent = parent_of(p, g);
        if (parent >= 0) /* its parent's gradient, written before, grows */
            attention_branch_backward(s, prefix_rows(p, g), l->qkv + p->bounds[parent] * width, n, l->qkv + first * width,
                                      l->log_sum + first * s.heads, a->narrow + first * heads_width, a->wide + first * width,
                                      a->wide + p->bounds[parent] * width, a->scratch);
        else
            attention_backward(s, n, l->qkv + first * width, l->log_sum + first * s.heads, a->narrow + first * heads_width,
                               dropout_site(dropout, key, site(i, SITE_PROBABILITIES + (uint64_t)g)), a->wide + first * width, a->scratch);
    }
    rotate_rows(net, p, true, a->wide);
    memset(a->wide + p->rows * width, 0, (size_t)((rows - p->rows) * width) * sizeof(float));
    b->pack(a->wide, rows * width, a->packed);
    b->matmul(true, false, width, d, rows, a->packed, l->norm1, grads + w->qkv);
    b->matmul(false, false, rows, d, width, a->packed, weight(net, w->qkv), a->narrow);
    rmsnorm_backward(rows, d, l->x_in, gain(net, w->norm1), l->inv_rms1, a->narrow, a->dx, grads + w->norm1);
}

void transformer_backward(const network_t *net, activations_t *a, const packed_t *p, double dropout, uint64_t key, const float *dhidden,
                          float *grads)
{
    const model_t *m = net->model;
    const int64_t rows = round_rows(net->backend, p->rows), d = m->config.hidden_size;
    for (int i = 0; i < m->count; i++)
        if (!m->params[i].rows) memset(grads + m->params[i].offset, 0, (size_t)m->params[i].count * sizeof(float));
    memset(a->dx, 0, (size_t)(rows * d) * sizeof(float));
    rmsnorm_backward(p->rows, d, a->x_out, gain(net, m->norm), a->inv_rms, dhidden, a->dx, grads + m->norm);
    for (int64_t i = a->layers - 1; i >= 0; i--) layer_backward(net, a, p, rows, i, dropout, key, grads);
    if (dropout > 0) dropout_scale(rows * d, dropout_site(dropout, key, site(-1, SITE_INPUT)), a->dx);
}

step_t step_new(const network_t *net, int64_t capacity)
{
    step_t s = {.capacity = round_rows(net->backend, capacity)};
    s.x = floats(s.capacity, net->model->config.hidden_size);
    s.qkv = NEW_ARRAY(float *, net->model->config.num_hidden_layers);
    for (int64_t i = 0; i < net->model->config.num_hidden_layers; i++) s.qkv[i] = floats(s.capacity, qkv_width(net->attention));
    return s;
}

void step_free(const network_t *net, step_t *s)
{
    for (int64_t i = 0; i < net->model->config.num_hidden_layers; i++) free(s->qkv[i]);
    free(s->qkv);
    free(s->x);
    *s = (step_t){0};
}

enum { MAX_DEPTH = 64 };

static void extend_attention(const network_t *net, activations_t *a, const packed_t *p, const step_t *step, int64_t layer,
                             const int64_t *segment, const int64_t *position, int depth, const step_t *earlier, const int32_t *ancestor,
                             float *out)
{
    const attention_shape_t s = net->attention;
    const int64_t width = qkv_width(s), heads_width = s.heads * s.head_dim;
    float *scores = xfloats((size_t)(a->longest + MAX_DEPTH + 1));
    for (int64_t r = 0; r < step->rows; r++) {
        if (position[r] >= net->rope.positions) die(EX_SOFTWARE, "transformer: position %lld is beyond the rotary tables", (long long)position[r]);
        float *row = step->qkv[layer] + r * width;
        const float *extra[MAX_DEPTH];
        for (int i = 0; i < depth; i++) extra[i] = earlier[i].qkv[layer] + ancestor[r * depth + i] * width;
        rope_row(&net->rope, position[r], s.heads + s.kv_heads, false, row);
        int64_t first = p->bounds[segment[r]], n = p->bounds[segment[r] + 1] - first;
        attention_extend(s, row, n, a->layer[layer].qkv + first * width, depth, extra, out + r * heads_width, scores);
    }
    free(scores);
}

void transformer_extend(const network_t *net, activations_t *a, const packed_t *p, step_t *step, const int64_t *segment,
                        const int64_t *position, int depth, const step_t *earlier, const int32_t *ancestor)
{
    const model_t *m = net->model;
    const model_config_t *c = &m->config;
    const backend_t *b = net->backend;
    const int64_t rows = round_rows(b, step->rows), d = c->hidden_size, f = c->intermediate_size;
    const int64_t width = qkv_width(net->attention), heads_width = c->num_attention_heads * c->head_dim;
    const float eps = (float)c->rms_norm_eps;
    if (rows > step->capacity || rows > a->step_capacity || depth > MAX_DEPTH) die(EX_SOFTWARE, "transformer: step beyond its space");
    memset(step->x + step->rows * d, 0, (size_t)((rows - step->rows) * d) * sizeof(float));
    for (int64_t i = 0; i < c->num_hidden_layers; i++) {
        const layer_t *w = &m->layers[i];
        rmsnorm_forward(b, rows, d, eps, step->x, gain(net, w->norm1), a->inv_rms, a->packed, NULL);
        b->matmul(false, true, rows, width, d, a->packed, weight(net, w->qkv), step->qkv[i]);
        extend_attention(net, a, p, step, i, segment, position, depth, earlier, ancestor, a->narrow);
        memset(a->narrow + step->rows * heads_width, 0, (size_t)((rows - step->rows) * heads_width) * sizeof(float));
        b->pack(a->narrow, rows * heads_width, a->packed);
        b->matmul(false, true, rows, d, heads_width, a->packed, weight(net, w->out), a->narrow);
        residual_dropout_forward(rows * d, step->x, a->narrow, dropout_site(0, 0, 0), step->x);
        rmsnorm_forward(b, rows, d, eps, step->x, gain(net, w->norm2), a->inv_rms, a->packed, NULL);
        b->matmul(false, true, rows, 2 * f, d, a->packed, weight(net, w->gate_up), a->wide);
        swiglu_forward(b, rows, f, a->wide, a->packed);
        b->matmul(false, true, rows, d, f, a->packed, weight(net, w->down), a->narrow);
        residual_dropout_forward(rows * d, step->x, a->narrow, dropout_site(0, 0, 0), step->x);
    }
    rmsnorm_forward(b, rows, d, eps, step->x, gain(net, m->norm), a->inv_rms, a->packed, step->x);
}
