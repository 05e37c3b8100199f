#include "nn/model.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"

/* How the blocks of a model come to be. */
typedef struct {
    model_t *m;
    const char *prefix; /* of their names */
    bool mapped;        /* matrices stay in their file, and nothing trains */
} layout_t;

static int add_vector(const layout_t *to, char *name, int64_t n)
{
    return params_add(&to->m->params, (param_t){.name = name, .cols = n, .frozen = to->mapped});
}

static int add_gain(const layout_t *to, char *name, int64_t n)
{
    const int block = add_vector(to, name, n);
    params_align(&to->m->params);
    return block;
}

static int add_matrix(const layout_t *to, char *name, int64_t rows, int64_t cols)
{
    return params_add(&to->m->params, (param_t){.name = name, .rows = rows, .cols = cols, .decay = true, .mapped = to->mapped,
                                                .frozen = to->mapped});
}

static char *layer_name(const layout_t *to, int64_t layer, const char *tail)
{
    return xasprintf("%slayers.%lld.%s", to->prefix, (long long)layer, tail);
}

static linear_t done(const layout_t *to, linear_t l)
{
    params_align(&to->m->params);
    if (to->mapped) linear_set_mapped(&l, &to->m->params);
    return l;
}

/* Adds the three that take one input, and their biases where the family has them. */
static linear_t add_qkv(const layout_t *to, int64_t i)
{
    static const char *const names[] = {"q", "k", "v"};
    const model_config_t *c = &to->m->config;
    const int64_t q = c->num_attention_heads * c->head_dim, kv = c->num_key_value_heads * c->head_dim, out[] = {q, kv, kv};
    linear_t l = linear_on(c->hidden_size, q + 2 * kv, to->m->params.count, -1);
    for (int j = 0; j < 3; j++) {
        char *tail = xasprintf("self_attn.%s_proj.weight", names[j]);
        add_matrix(to, layer_name(to, i, tail), out[j], c->hidden_size);
        free(tail);
    }
    params_align(&to->m->params);
    if (c->qkv_bias) l.bias = to->m->params.count;
    for (int j = 0; j < 3 && c->qkv_bias; j++) {
        char *tail = xasprintf("self_attn.%s_proj.bias", names[j]);
        add_vector(to, layer_name(to, i, tail), out[j]);
        free(tail);
    }
    return done(to, l);
}

static linear_t add_linear(const layout_t *to, int64_t i, const char *tail, int64_t out, int64_t in)
{
    return done(to, linear_on(in, out, add_matrix(to, layer_name(to, i, tail), out, in), -1));
}

static linear_t add_gate_up(const layout_t *to, int64_t i)
{
    const int64_t d = to->m->config.hidden_size, f = to->m->config.intermediate_size;
    const linear_t l = linear_on(d, 2 * f, add_matrix(to, layer_name(to, i, "mlp.gate_proj.weight"), f, d), -1);
    add_matrix(to, layer_name(to, i, "mlp.up_proj.weight"), f, d);
    return done(to, l);
}

static model_layer_t add_layer(const layout_t *to, int64_t i)
{
    const model_config_t *c = &to->m->config;
    const int64_t d = c->hidden_size, q = c->num_attention_heads * c->head_dim;
    model_layer_t l;
    l.norm1 = add_gain(to, layer_name(to, i, "input_layernorm.weight"), d);
    l.qkv = add_qkv(to, i);
    l.q_norm = c->qk_norm ? add_gain(to, layer_name(to, i, "self_attn.q_norm.weight"), c->head_dim) : -1;
    l.k_norm = c->qk_norm ? add_gain(to, layer_name(to, i, "self_attn.k_norm.weight"), c->head_dim) : -1;
    l.out = add_linear(to, i, "self_attn.o_proj.weight", d, q);
    l.norm2 = add_gain(to, layer_name(to, i, "post_attention_layernorm.weight"), d);
    l.gate_up = add_gate_up(to, i);
    l.down = add_linear(to, i, "mlp.down_proj.weight", d, c->intermediate_size);
    return l;
}

/* Adds a block for each of `count` levels: model.WHAT.0 and so on. */
static gated_t *add_blocks(model_t *m, const char *what, int64_t count, int64_t inner)
{
    gated_t *blocks = NEW_ARRAY(gated_t, count);
    for (int64_t i = 0; i < count; i++) {
        char *name = xasprintf("model.%s.%lld", what, (long long)i);
        blocks[i] = gated_add(&m->params, name, m->config.hidden_size, inner, m->config.rms_norm_eps);
        free(name);
    }
    return blocks;
}

/* Adds rows x hidden_size that do not decay; returns -1 where there are none. */
static int add_rows(model_t *m, const char *name, int64_t rows)
{
    if (!rows) return -1;
    const int block = params_add(&m->params, (param_t){.name = xstrdup(name), .rows = rows, .cols = m->config.hidden_size});
    params_align(&m->params);
    return block;
}

/* Adds a table of rows x hidden_size that trains by the row; returns -1 where it has no rows. */
static int add_table(model_t *m, const char *name, int64_t rows)
{
    if (!rows) return -1;
    return params_add(&m->params, (param_t){.name = xstrdup(name), .rows = rows, .cols = m->config.hidden_size, .sparse = true});
}

/* Names the parameters that every decoder has and says where they lie; takes no memory yet, as a file may hold the values. */
static void lay_out_decoder(const layout_t *to)
{
    model_t *m = to->m;
    const model_config_t *c = &m->config;
    m->embed = params_add(&m->params, (param_t){.name = xasprintf("%sembed_tokens.weight", to->prefix), .rows = c->vocab_size,
                                                .cols = c->hidden_size, .decay = true, .sparse = c->sparse_embedding,
                                                .mapped = to->mapped, .frozen = to->mapped});
    params_align(&m->params);
    m->own = c->vocab_size;
    m->output = m->embed;
    m->base_embed = m->base_output = -1;
    m->layers = NEW_ARRAY(model_layer_t, c->num_hidden_layers);
    for (int64_t i = 0; i < c->num_hidden_layers; i++) m->layers[i] = add_layer(to, i);
    m->norm = add_gain(to, xasprintf("%snorm.weight", to->prefix), c->hidden_size);
}

/* Adds an output matrix of its own, where the model has one. */
static void add_output(model_t *m)
{
    const model_config_t *c = &m->config;
    if (!c->untied) return;
    m->output = params_add(&m->params, (param_t){.name = xstrdup("lm_head.weight"), .rows = c->vocab_size, .cols = c->hidden_size,
                                                 .decay = true, .sparse = c->sparse_embedding});
    params_align(&m->params);
}

/* The same with what a generator may have besides. */
static model_t *lay_out(model_config_t config)
{
    model_t *m = NEW(model_t);
    m->config = config;
    lay_out_decoder(&(layout_t){m, "model.", false});
    add_output(m);
    m->depth = add_blocks(m, "depth", config.depth_levels, config.depth_size);
    m->think = add_blocks(m, "think", config.think_size ? config.think_levels : 0, config.think_size);
    m->think_vectors = add_rows(m, "model.think.level_vectors.weight", config.think_levels);
    m->positions = add_rows(m, "model.positions.weight", config.learned_positions);
    m->item_vectors = add_table(m, "model.item_vectors.weight", config.item_vectors);
    m->node_vectors = add_table(m, "model.node_vectors.weight", config.node_vectors);
    return m;
}

model_t *model_new_mapped(model_config_t config, const char *prefix)
{
    model_t *m = NEW(model_t);
    m->config = config;
    lay_out_decoder(&(layout_t){m, prefix, true});
    m->output = m->think_vectors = m->positions = m->item_vectors = m->node_vectors = -1;
    return m;
}

model_t *model_new(model_config_t config)
{
    const char *fault = model_config_fault(&config);
    if (fault) die(EX_USAGE, "model shape: %s", fault);
    model_t *m = lay_out(config);
    params_allocate(&m->params);
    return m;
}

/* Returns a copy of `count` things of `size` bytes; NULL of NULL. */
static void *copied(const void *from, int64_t count, size_t size)
{
    if (!from) return NULL;
    void *to = xmalloc(size_add(size_mul((size_t)count, size), 1));
    memcpy(to, from, (size_t)count * size);
    return to;
}

model_t *model_copy(const model_t *m)
{
    const model_config_t *c = &m->config;
    model_t *copy = NEW(model_t);
    *copy = *m;
    copy->params = params_clone(&m->params);
    copy->layers = copied(m->layers, c->num_hidden_layers, sizeof *m->layers);
    copy->depth = copied(m->depth, c->depth_levels, sizeof *m->depth);
    copy->think = copied(m->think, c->think_size ? c->think_levels : 0, sizeof *m->think);
    return copy;
}

void model_free(model_t *m)
{
    if (!m) return;
    params_free(&m->params);
    free(m->layers);
    free(m->depth);
    free(m->think);
    free(m);
}

void model_split_tables(model_t *m)
{
    if (m->item_vectors >= 0) params_split(&m->params, m->item_vectors);
    if (m->node_vectors >= 0) params_split(&m->params, m->node_vectors);
}

static bool writes_residual(const char *name) { return strstr(name, "o_proj") || strstr(name, "down_proj"); }
static bool is_gain(const param_t *p) { return p->rows == 0; }

void model_init(model_t *m, uint64_t seed)
{
    uint64_t key = rng_stream(seed, "model init");
    double shrink = 1 / sqrt(2.0 * (double)m->config.num_hidden_layers);
    for (int i = 0; i < m->params.count; i++) {
        const param_t *p = &m->params.blocks[i];
        if (is_gain(p)) params_fill(&m->params, i, 1);
        else if (i == m->node_vectors) params_fill(&m->params, i, 0);
        else params_fill_normal(&m->params, i, 0.02 * (writes_residual(p->name) ? shrink : 1), rng_stream(key, p->name));
    }
    for (int64_t l = 0; m->config.think_size && l < m->config.think_levels; l++) params_fill(&m->params, m->think[l].down.weight, 0);
    if (m->think_vectors >= 0) params_fill(&m->params, m->think_vectors, 0);
}

static bool stays(const param_t *p, int64_t rows, const int64_t *from)
{
    int64_t row = 0;
    while (from && row < rows && from[row] == row) row++;
    return rows == p->rows && (!from || row == rows);
}

void model_regrow(model_t *m, const st_file_t *f, int block, int64_t rows, const int64_t *from)
{
    param_t *p = &m->params.blocks[block];
    const st_tensor_t *t = st_find(f, p->name);
    const int64_t before = p->rows;
    if (stays(p, rows, from)) return;
    params_resize(&m->params, block, rows);
    const ranks_block_t held = params_held(p);
    for (int64_t row = held.first; row < held.end; row++) {
        const int64_t source = from ? from[row] : row < before ? row : -1;
        if (source < 0) continue;
        const st_tensor_t one = st_rows(t, source, source + 1);
        st_floats(&one, model_row(m, block, row));
    }
    *(block == m->item_vectors ? &m->config.item_vectors : &m->config.node_vectors) = rows;
}

model_config_t model_read_config(const st_file_t *f)
{
    const char *text = st_meta(f, "config");
    cJSON *j = text ? cJSON_Parse(text) : NULL;
    if (!cJSON_IsObject(j)) die_at(f->name, 0, "metadata \"config\" must be a JSON object: is this a model/1 file?");
    const model_config_t config = model_config_parse(f->name, j);
    cJSON_Delete(j);
    return config;
}

model_t *model_read(const st_file_t *f, bool split)
{
    st_check_schema(f, "model/1");
    const model_config_t config = model_read_config(f);
    model_t *m = lay_out(config);
    params_check(f, &m->params);
    if (split) model_split_tables(m);
    params_allocate(&m->params);
    params_read(f, &m->params);
    return m;
}
