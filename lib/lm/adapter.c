#include "lm/adapter.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"

static const char *const target_names[LORA_TARGETS] = {"q", "k", "v", "o", "gate", "up", "down"};

const char *lora_name(lora_target_t t) { return target_names[t]; }

/* Finds the target that n letters name, LORA_TARGETS where there is none. */
static int target_of(const char *name, size_t n)
{
    int t = 0;
    while (t < LORA_TARGETS && (strlen(target_names[t]) != n || memcmp(target_names[t], name, n) != 0)) t++;
    return t;
}

bool lora_parse(const char *list, lora_t *l)
{
    memset(l->on, 0, sizeof l->on);
    for (const char *at = list;; at++) {
        const size_t n = strcspn(at, ",");
        const int t = target_of(at, n);
        if (t == LORA_TARGETS || l->on[t]) return false;
        l->on[t] = true;
        at += n;
        if (!*at) return true;
    }
}

char *lora_list(const lora_t *l)
{
    buf_t list = {0};
    for (int t = 0; t < LORA_TARGETS; t++)
        if (l->on[t]) buf_printf(&list, "%s%s", list.len ? "," : "", target_names[t]);
    char *copy = xstrdup(list.len ? list.data : "");
    buf_free(&list);
    return copy;
}

/* --- Blocks ------------------------------------------------------------------------------------------------------------------- */

/* Adds the pair of a target, if it has one, on its columns of a layer's product. */
static void add_pair(model_t *m, const lora_t *l, int64_t layer, lora_target_t t, linear_t *to, int64_t first, int64_t out)
{
    if (!l->rank || !l->on[t]) return;
    char *name = xasprintf("model.layers.%lld.%s.%s_proj", (long long)layer, t < LORA_GATE ? "self_attn" : "mlp", target_names[t]);
    linear_add_pair(to, &m->params, name, first, out, l->rank, (float)(l->alpha / (double)l->rank));
    free(name);
}

static void add_pairs(model_t *m, const lora_t *l, int64_t i)
{
    const model_config_t *c = &m->config;
    const int64_t q = c->num_attention_heads * c->head_dim, kv = c->num_key_value_heads * c->head_dim, f = c->intermediate_size;
    model_layer_t *layer = &m->layers[i];
    add_pair(m, l, i, LORA_Q, &layer->qkv, 0, q);
    add_pair(m, l, i, LORA_K, &layer->qkv, q, kv);
    add_pair(m, l, i, LORA_V, &layer->qkv, q + kv, kv);
    add_pair(m, l, i, LORA_O, &layer->out, 0, c->hidden_size);
    add_pair(m, l, i, LORA_GATE, &layer->gate_up, 0, f);
    add_pair(m, l, i, LORA_UP, &layer->gate_up, f, f);
    add_pair(m, l, i, LORA_DOWN, &layer->down, 0, c->hidden_size);
}

static int add_rows(model_t *m, const char *name, int64_t rows)
{
    params_align(&m->params);
    const int block = params_add(&m->params, (param_t){.name = xstrdup(name), .rows = rows, .cols = m->config.hidden_size, .decay = true});
    params_align(&m->params);
    return block;
}

void adapter_add(model_t *m, const adapter_t *a)
{
    const int64_t rows = m->own;
    m->own = a->tokens;
    m->base_embed = m->base_output = m->embed;
    m->embed = m->output = add_rows(m, "model.embed_tokens.new.weight", a->tokens);
    if (m->config.untied) {
        m->base_output = params_add(&m->params, (param_t){.name = xstrdup("lm_head.weight"), .rows = rows, .cols = m->config.hidden_size,
                                                          .mapped = true, .frozen = true});
        m->output = add_rows(m, "lm_head.new.weight", a->tokens);
    }
    for (int64_t i = 0; i < m->config.num_hidden_layers; i++) add_pairs(m, &a->lora, i);
}

/* --- Values ------------------------------------------------------------------------------------------------------------------- */

/* Finds the mean [cols] of the first `rows` rows of a block, and returns the deviation of their numbers around it. */
static double mean_row(const params_t *params, int block, int64_t rows, double *mean)
{
    const int64_t d = params->blocks[block].cols;
    float *x = xfloats((size_t)d);
    double squares = 0, of_mean = 0;
    memset(mean, 0, (size_t)d * sizeof *mean);
    for (int64_t r = 0; r < rows; r++) {
        params_row(params, block, r, x);
        for (int64_t j = 0; j < d; j++) {
            mean[j] += (double)x[j];
            squares += (double)x[j] * (double)x[j];
        }
    }
    for (int64_t j = 0; j < d; j++) {
        mean[j] /= (double)rows;
        of_mean += mean[j] * mean[j];
    }
    params_release(params, block);
    free(x);
    return sqrt(fmax(0, squares / (double)rows - of_mean) / (double)d);
}

static void init_rows(const model_t *m, int block, int base, int64_t text, uint64_t key)
{
    const param_t *p = &m->params.blocks[block];
    double *mean = NEW_ARRAY(double, p->cols);
    params_fill_normal(&m->params, block, mean_row(&m->params, base, text, mean), rng_stream(key, p->name));
    float *values = params_values(&m->params, block);
    for (int64_t i = 0; i < p->count; i++) values[i] += (float)mean[i % p->cols];
    free(mean);
}

static void init_pairs(const model_t *m, const linear_t *l, uint64_t key)
{
    for (int i = 0; i < l->pairs; i++) linear_init_pair(l, i, &m->params, rng_stream(key, m->params.blocks[l->pair[i].down].name));
}

void adapter_init(model_t *m, int64_t text, uint64_t seed)
{
    const uint64_t key = rng_stream(seed, "adapter init");
    init_rows(m, m->embed, m->base_embed, text, key);
    if (m->output != m->embed) init_rows(m, m->output, m->base_output, text, key);
    for (int64_t i = 0; i < m->config.num_hidden_layers; i++) {
        const model_layer_t *l = &m->layers[i];
        const linear_t *all[] = {&l->qkv, &l->out, &l->gate_up, &l->down};
        for (size_t j = 0; j < sizeof all / sizeof *all; j++) init_pairs(m, all[j], key);
    }
}
