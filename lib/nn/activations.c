#include "nn/activations.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/minmax.h"

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

size_t activations_kept(const network_t *net, activations_pass_t pass, int64_t rows)
{
    const model_config_t *c = &net->model->config;
    const int64_t one = 4 * c->hidden_size + c->num_attention_heads * c->head_dim + qkv_width(net->attention) + 3 * c->intermediate_size;
    const int64_t more = pass == PASS_TRAIN ? one : c->hidden_size;
    return size_mul((size_t)rows, (size_t)(one + (c->num_hidden_layers - 1) * more) * sizeof(float));
}

static uint16_t *cache_new(const network_t *net, int64_t rows)
{
    return xcalloc(size_mul((size_t)rows, (size_t)cache_width(net->attention)), sizeof(uint16_t));
}

/* Lays out the layers: the first has space for all, the others for what the pass keeps of each. */
static layer_acts_t *layers_new(const network_t *net, activations_pass_t pass, int64_t rows)
{
    const model_config_t *c = &net->model->config;
    layer_acts_t *layer = NEW_ARRAY(layer_acts_t, c->num_hidden_layers);
    for (int64_t i = 0; i < c->num_hidden_layers; i++) {
        layer[i] = i == 0 || pass == PASS_TRAIN ? layer_acts_new(net, rows) : layer[0];
        if (pass == PASS_INFER_16) layer[i].cache = cache_new(net, rows);
        if (i == 0) continue;
        if (pass == PASS_TRAIN_LAYERS) layer[i].x_in = floats(rows, c->hidden_size);
        if (pass == PASS_INFER) layer[i].qkv = floats(rows, qkv_width(net->attention)); /* extensions attend to every layer's */
    }
    return layer;
}

static void layers_free(layer_acts_t *layer, activations_pass_t pass, int64_t layers)
{
    for (int64_t i = 0; i < layers; i++) {
        layer_acts_t *l = &layer[i];
        const bool all = i == 0 || pass == PASS_TRAIN;
        if (all || pass == PASS_TRAIN_LAYERS) free(l->x_in);
        if (all || pass == PASS_INFER) free(l->qkv);
        free(l->cache);
        void *rest[] = {l->x_mid, l->inv_rms1, l->inv_rms2, l->norm1, l->norm2, l->raw, l->inv_rms_heads, l->log_sum, l->attended, l->gate_up,
                        l->act, l->dqkv};
        for (size_t j = 0; all && j < sizeof rest / sizeof *rest; j++) free(rest[j]);
    }
    free(layer);
}

activations_t *activations_new(const network_t *net, activations_pass_t pass, int64_t rows, int64_t longest, int64_t step_rows)
{
    const model_config_t *c = &net->model->config;
    const int64_t d = c->hidden_size, f = c->intermediate_size, width = qkv_width(net->attention);
    const int64_t narrow = max64(d, c->num_attention_heads * c->head_dim);
    const bool trains = pass_trains(pass);
    activations_t *a = NEW(activations_t);
    a->pass = pass;
    a->capacity = rows = round_rows(net->backend, rows);
    const int64_t steps = a->step_capacity = round_rows(net->backend, step_rows);
    a->longest = longest;
    a->layers = c->num_hidden_layers;
    a->layer = layers_new(net, pass, rows);
    a->x_out = floats(rows, d);
    a->hidden = floats(rows, d);
    a->hidden_packed = operands_new(net->backend, rows * d);
    a->dx = trains ? floats(rows, d) : NULL;
    a->inv_rms = floats(max64(rows, steps), 1);
    a->wide = xfloats((size_t)max64(trains ? rows * width : 0, steps * 2 * f));
    a->narrow = floats(max64(rows, steps), trains ? max64(narrow, f) : narrow);
    a->packed = operands_new(net->backend, max64(trains ? rows * max64(2 * f, width) : 0, steps * max64(narrow, f)));
    a->scratch = xfloats((size_t)attention_scratch(net->attention, longest));
    a->inner = inner_new(net, max64(rows, steps));
    return a;
}

void activations_free(activations_t *a)
{
    if (!a) return;
    layers_free(a->layer, a->pass, a->layers);
    void *all[] = {a->x_out, a->inv_rms, a->hidden, a->hidden_packed, a->wide, a->narrow, a->dx, a->packed, a->scratch, a->inner};
    for (size_t j = 0; j < sizeof all / sizeof *all; j++) free(all[j]);
    free(a);
}

float *activations_input(activations_t *a) { return a->layer[0].x_in; }
const float *activations_input_grad(const activations_t *a) { return a->dx; }

layer_acts_t activations_layer(const network_t *net, const activations_t *a, int64_t layer, int64_t first)
{
    const layer_acts_t *l = &a->layer[layer];
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
        .cache = l->cache ? l->cache + first * cache_width(net->attention) : NULL,
        .raw = l->raw ? l->raw + first * head_norm_width(net->attention) : NULL,
        .inv_rms_heads = l->raw ? l->inv_rms_heads + first * (heads + c->num_key_value_heads) : NULL,
        .log_sum = l->log_sum + first * heads,
        .attended = operand_at(net->backend, l->attended, first * heads * c->head_dim),
        .gate_up = l->gate_up + first * 2 * f,
        .act = operand_at(net->backend, l->act, first * f),
        .dqkv = l->dqkv ? l->dqkv + first * width : NULL,
    };
}

void activations_begin_waves(const network_t *net, activations_t *a, int64_t rows)
{
    const int64_t width = qkv_width(net->attention);
    for (int64_t i = 0; i < a->layers; i++) {
        if (!a->layer[i].dqkv) a->layer[i].dqkv = floats(a->capacity, width);
        memset(a->layer[i].dqkv, 0, (size_t)(rows * width) * sizeof(float));
    }
}
