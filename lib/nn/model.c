#include "nn/model.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"

/* Says what is wrong with a shape, NULL if nothing. */
static const char *shape_fault(const model_config_t *c)
{
    if (c->hidden_size < 1 || c->num_hidden_layers < 1 || c->num_attention_heads < 1 || c->num_key_value_heads < 1 ||
        c->head_dim < 2 || c->intermediate_size < 1 || c->vocab_size < 2)
        return "every size must be at least 1, head size and vocabulary at least 2";
    if (c->hidden_size > 1 << 16 || c->num_hidden_layers > 1 << 12 || c->num_attention_heads > 1 << 12 || c->head_dim > 1 << 12 ||
        c->intermediate_size > 1 << 20 || c->vocab_size > 1 << 28)
        return "a size is beyond what this transformer handles";
    if (c->num_attention_heads % c->num_key_value_heads) return "the heads cannot share the key-value heads evenly";
    if (c->head_dim % 2) return "the head size is odd; rotary positions need an even one";
    if (c->depth_levels < 0 || c->depth_levels > 64 || c->depth_size < 0 || c->depth_size > 1 << 20 ||
        (c->depth_levels > 0) != (c->depth_size > 0))
        return "the blocks by level are out of range";
    if (c->think_size > 0 && !c->depth_levels) return "blocks that think, without blocks by level";
    if (c->think_levels < 0 || c->think_levels > 64 || c->think_size < 0 || c->think_size > 1 << 20 ||
        (c->think_size > 0) != (c->think_levels > 0 && c->depth_levels > 0) ||
        (c->think_size > 0 && c->think_levels != c->depth_levels - 1))
        return "the blocks that think do not fit those by level, one less";
    if (c->learned_positions < 0 || c->learned_positions > 1 << 24 || c->item_vectors < 0 || c->item_vectors > 1L << 31 ||
        c->node_vectors < 0 || c->node_vectors > 1L << 31)
        return "a table has more rows than this transformer handles";
    return NULL;
}

static int add_gain(model_t *m, char *name)
{
    const int block = params_add(&m->params, (param_t){.name = name, .cols = m->config.hidden_size});
    params_align(&m->params);
    return block;
}

static int add_matrix(model_t *m, char *name, int64_t rows, int64_t cols)
{
    return params_add(&m->params, (param_t){.name = name, .rows = rows, .cols = cols, .decay = true});
}

static char *layer_name(int64_t layer, const char *tail)
{
    return xasprintf("model.layers.%lld.%s.weight", (long long)layer, tail);
}

static model_layer_t add_layer(model_t *m, int64_t i)
{
    const model_config_t *c = &m->config;
    const int64_t d = c->hidden_size, f = c->intermediate_size;
    const int64_t q = c->num_attention_heads * c->head_dim, kv = c->num_key_value_heads * c->head_dim;
    model_layer_t l;
    l.norm1 = add_gain(m, layer_name(i, "input_layernorm"));
    l.qkv = linear_on(d, q + 2 * kv, add_matrix(m, layer_name(i, "self_attn.q_proj"), q, d), -1);
    add_matrix(m, layer_name(i, "self_attn.k_proj"), kv, d);
    add_matrix(m, layer_name(i, "self_attn.v_proj"), kv, d);
    params_align(&m->params);
    l.out = linear_on(q, d, add_matrix(m, layer_name(i, "self_attn.o_proj"), d, q), -1);
    params_align(&m->params);
    l.norm2 = add_gain(m, layer_name(i, "post_attention_layernorm"));
    l.gate_up = linear_on(d, 2 * f, add_matrix(m, layer_name(i, "mlp.gate_proj"), f, d), -1);
    add_matrix(m, layer_name(i, "mlp.up_proj"), f, d);
    params_align(&m->params);
    l.down = linear_on(f, d, add_matrix(m, layer_name(i, "mlp.down_proj"), d, f), -1);
    params_align(&m->params);
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

/* Names the parameters and says where they lie; takes no memory yet, as a file may hold the values. */
static model_t *lay_out(model_config_t config)
{
    model_t *m = NEW(model_t);
    m->config = config;
    m->embed = params_add(&m->params, (param_t){.name = xstrdup("model.embed_tokens.weight"), .rows = config.vocab_size,
                                                .cols = config.hidden_size, .decay = true, .sparse = config.sparse_embedding});
    params_align(&m->params);
    m->layers = NEW_ARRAY(model_layer_t, config.num_hidden_layers);
    for (int64_t i = 0; i < config.num_hidden_layers; i++) m->layers[i] = add_layer(m, i);
    m->norm = add_gain(m, xstrdup("model.norm.weight"));
    m->depth = add_blocks(m, "depth", config.depth_levels, config.depth_size);
    m->think = add_blocks(m, "think", config.think_size ? config.think_levels : 0, config.think_size);
    m->think_vectors = add_rows(m, "model.think.level_vectors.weight", config.think_levels);
    m->positions = add_rows(m, "model.positions.weight", config.learned_positions);
    m->item_vectors = add_table(m, "model.item_vectors.weight", config.item_vectors);
    m->node_vectors = add_table(m, "model.node_vectors.weight", config.node_vectors);
    return m;
}

model_t *model_new(model_config_t config)
{
    const char *fault = shape_fault(&config);
    if (fault) die(EX_USAGE, "model shape: %s", fault);
    model_t *m = lay_out(config);
    params_allocate(&m->params);
    return m;
}

model_t *model_copy(const model_t *m)
{
    model_t *copy = model_new(m->config);
    params_copy(&copy->params, &m->params);
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

/* Puts a table of other rows in a table's place; what it held is freed by the caller. */
static float *exchange_table(model_t *m, int block, int64_t rows)
{
    param_t *p = &m->params.blocks[block];
    float *old = p->table;
    p->rows = rows;
    p->count = (int64_t)size_mul((size_t)rows, (size_t)p->cols);
    p->table = xfloats((size_t)p->count);
    return old;
}

void model_regrow_nodes(model_t *m, int64_t rows, const int64_t *from)
{
    const int64_t d = m->config.hidden_size;
    float *old = exchange_table(m, m->node_vectors, rows);
    for (int64_t i = 0; i < rows; i++)
        if (from[i] >= 0) memcpy(model_row(m, m->node_vectors, i), old + from[i] * d, (size_t)d * sizeof(float));
    m->config.node_vectors = rows;
    free(old);
}

void model_regrow_items(model_t *m, int64_t rows)
{
    const int64_t d = m->config.hidden_size, kept = rows < m->config.item_vectors ? rows : m->config.item_vectors;
    float *old = exchange_table(m, m->item_vectors, rows);
    memcpy(model_row(m, m->item_vectors, 0), old, (size_t)(kept * d) * sizeof(float));
    m->config.item_vectors = rows;
    free(old);
}

static bool is_llama(const model_config_t *c)
{
    return !c->depth_levels && !c->think_levels && !c->learned_positions && !c->item_vectors && !c->node_vectors;
}

/* Returns what stands behind Llama's keys. Caller frees. */
static char *additions_json(const model_config_t *c)
{
    if (is_llama(c)) return xstrdup("");
    char *think = c->think_levels ? xasprintf("\"think_levels\":%lld,\"think_size\":%lld,", (long long)c->think_levels,
                                              (long long)c->think_size) : xstrdup("");
    char *json = xasprintf(",\"depth_levels\":%lld,\"depth_size\":%lld,%s\"learned_positions\":%lld,\"item_vectors\":%lld,"
                           "\"node_vectors\":%lld", (long long)c->depth_levels, (long long)c->depth_size, think,
                           (long long)c->learned_positions, (long long)c->item_vectors, (long long)c->node_vectors);
    free(think);
    return json;
}

char *model_config_json(const model_config_t *c, int64_t bos)
{
    char *additions = additions_json(c);
    char *json = xasprintf("{\"architectures\":[\"%s\"],\"model_type\":\"llama\",\"hidden_act\":\"silu\","
                           "\"hidden_size\":%lld,\"num_hidden_layers\":%lld,\"num_attention_heads\":%lld,"
                           "\"num_key_value_heads\":%lld,\"head_dim\":%lld,"
                           "\"intermediate_size\":%lld,\"vocab_size\":%lld,\"max_position_embeddings\":%lld,\"rms_norm_eps\":%g,"
                           "\"rope_theta\":%g,\"tie_word_embeddings\":true,\"attention_bias\":false,\"mlp_bias\":false,"
                           "\"bos_token_id\":%lld%s}",
                           is_llama(c) ? "LlamaForCausalLM" : "SidmillForCausalLM", (long long)c->hidden_size,
                           (long long)c->num_hidden_layers, (long long)c->num_attention_heads,
                           (long long)c->num_key_value_heads, (long long)c->head_dim, (long long)c->intermediate_size,
                           (long long)c->vocab_size, (long long)c->max_position_embeddings, c->rms_norm_eps, c->rope_theta,
                           (long long)bos, additions);
    free(additions);
    return json;
}

static double number(const st_file_t *f, const cJSON *config, const char *key, double missing)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(config, key);
    if (!v && !isnan(missing)) return missing;
    if (!cJSON_IsNumber(v) || !isfinite(v->valuedouble) || fabs(v->valuedouble) > 1e15)
        die_at(f->name, 0, "model config: \"%s\" must be a number", key);
    return v->valuedouble;
}

/* Reads a size: a whole number, 1 or more; or one that is 0 where it is missing. */
static int64_t whole(const st_file_t *f, const cJSON *config, const char *key, double missing)
{
    double v = number(f, config, key, missing);
    if (v < 1 || v != floor(v)) die_at(f->name, 0, "model config: \"%s\" must be a whole number, 1 or more", key);
    return (int64_t)v;
}

static int64_t whole_or_none(const st_file_t *f, const cJSON *config, const char *key)
{
    return number(f, config, key, 0) == 0 ? 0 : whole(f, config, key, NAN);
}

static void refuse(const st_file_t *f, const cJSON *config, const char *key, bool supported)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(config, key);
    if (v && !cJSON_IsNull(v) && (!cJSON_IsBool(v) || (bool)cJSON_IsTrue(v) != supported))
        die_at(f->name, 0, "model config: \"%s\" asks for what this transformer has not", key);
}

static model_config_t parse_config(const st_file_t *f, const cJSON *j)
{
    refuse(f, j, "attention_bias", false);
    refuse(f, j, "mlp_bias", false);
    refuse(f, j, "tie_word_embeddings", true);
    refuse(f, j, "rope_scaling", false);
    const cJSON *act = cJSON_GetObjectItemCaseSensitive(j, "hidden_act");
    if (act && (!cJSON_IsString(act) || strcmp(act->valuestring, "silu")))
        die_at(f->name, 0, "model config: \"hidden_act\" must be \"silu\"");
    model_config_t c = {0};
    c.hidden_size = whole(f, j, "hidden_size", NAN);
    c.num_hidden_layers = whole(f, j, "num_hidden_layers", NAN);
    c.num_attention_heads = whole(f, j, "num_attention_heads", NAN);
    c.num_key_value_heads = whole(f, j, "num_key_value_heads", (double)c.num_attention_heads);
    c.head_dim = whole(f, j, "head_dim", (double)(c.hidden_size / c.num_attention_heads));
    c.intermediate_size = whole(f, j, "intermediate_size", NAN);
    c.vocab_size = whole(f, j, "vocab_size", NAN);
    c.max_position_embeddings = whole(f, j, "max_position_embeddings", 2048);
    c.rms_norm_eps = number(f, j, "rms_norm_eps", 1e-6);
    c.rope_theta = number(f, j, "rope_theta", 10000);
    c.depth_levels = whole_or_none(f, j, "depth_levels");
    c.depth_size = whole_or_none(f, j, "depth_size");
    c.think_levels = whole_or_none(f, j, "think_levels");
    c.think_size = whole_or_none(f, j, "think_size");
    c.learned_positions = whole_or_none(f, j, "learned_positions");
    c.item_vectors = whole_or_none(f, j, "item_vectors");
    c.node_vectors = whole_or_none(f, j, "node_vectors");
    if (c.max_position_embeddings > 1 << 24 || c.rope_theta <= 0 || c.rms_norm_eps < 0)
        die_at(f->name, 0, "model config: positions, rope_theta or rms_norm_eps out of range");
    const char *fault = shape_fault(&c);
    if (fault) die_at(f->name, 0, "model config: %s", fault);
    return c;
}

model_t *model_read(const st_file_t *f)
{
    st_check_schema(f, "model/1");
    const char *text = st_meta(f, "config");
    cJSON *j = text ? cJSON_Parse(text) : NULL;
    if (!cJSON_IsObject(j)) die_at(f->name, 0, "metadata \"config\" must be a JSON object: is this a model/1 file?");
    model_config_t config = parse_config(f, j);
    cJSON_Delete(j);
    model_t *m = lay_out(config);
    params_check(f, &m->params);
    params_allocate(&m->params);
    params_read(f, &m->params);
    return m;
}
