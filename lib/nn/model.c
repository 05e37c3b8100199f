#include "nn/model.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"

enum { ALIGN = 16 }; /* floats: parameters begin on cache lines */

/* What is wrong with a shape, NULL if nothing. */
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
    return NULL;
}

/* Appends a parameter; returns its offset. Adjacent matrices of one product must not be padded apart. */
static int64_t add_param(model_t *m, char *name, int64_t rows, int64_t cols, bool decay)
{
    m->params = xreallocarray(m->params, (size_t)m->count + 1, sizeof *m->params);
    param_t *p = &m->params[m->count++];
    *p = (param_t){.name = name, .rows = rows, .cols = cols, .offset = m->size, .count = (rows ? rows : 1) * cols, .decay = decay};
    m->size += p->count;
    return p->offset;
}

static void align(model_t *m) { m->size = (m->size + ALIGN - 1) / ALIGN * ALIGN; }

static char *layer_name(int64_t layer, const char *tail) { return xasprintf("model.layers.%lld.%s.weight", (long long)layer, tail); }

static layer_t add_layer(model_t *m, int64_t i)
{
    const model_config_t *c = &m->config;
    const int64_t d = c->hidden_size, q = c->num_attention_heads * c->head_dim, kv = c->num_key_value_heads * c->head_dim;
    layer_t l;
    l.norm1 = add_param(m, layer_name(i, "input_layernorm"), 0, d, false);
    align(m);
    l.qkv = add_param(m, layer_name(i, "self_attn.q_proj"), q, d, true);
    add_param(m, layer_name(i, "self_attn.k_proj"), kv, d, true);
    add_param(m, layer_name(i, "self_attn.v_proj"), kv, d, true);
    align(m);
    l.out = add_param(m, layer_name(i, "self_attn.o_proj"), d, q, true);
    align(m);
    l.norm2 = add_param(m, layer_name(i, "post_attention_layernorm"), 0, d, false);
    align(m);
    l.gate_up = add_param(m, layer_name(i, "mlp.gate_proj"), c->intermediate_size, d, true);
    add_param(m, layer_name(i, "mlp.up_proj"), c->intermediate_size, d, true);
    align(m);
    l.down = add_param(m, layer_name(i, "mlp.down_proj"), d, c->intermediate_size, true);
    align(m);
    return l;
}

/* The parameters and where they lie; no weights yet. */
static model_t *lay_out(model_config_t config)
{
    model_t *m = NEW(model_t);
    m->config = config;
    m->embed = add_param(m, xstrdup("model.embed_tokens.weight"), config.vocab_size, config.hidden_size, true);
    align(m);
    m->layers = NEW_ARRAY(layer_t, config.num_hidden_layers);
    for (int64_t i = 0; i < config.num_hidden_layers; i++) m->layers[i] = add_layer(m, i);
    m->norm = add_param(m, xstrdup("model.norm.weight"), 0, config.hidden_size, false);
    align(m);
    return m;
}

model_t *model_new(model_config_t config)
{
    const char *fault = shape_fault(&config);
    if (fault) die(EX_USAGE, "model shape: %s", fault);
    model_t *m = lay_out(config);
    m->weights = xfloats((size_t)m->size);
    return m;
}

void model_free(model_t *m)
{
    if (!m) return;
    for (int i = 0; i < m->count; i++) free(m->params[i].name);
    free(m->params);
    free(m->layers);
    free(m->weights);
    free(m);
}

static bool writes_residual(const char *name) { return strstr(name, "o_proj") || strstr(name, "down_proj"); }

void model_init(model_t *m, uint64_t seed)
{
    uint64_t key = rng_stream(seed, "model init");
    double shrink = 1 / sqrt(2.0 * (double)m->config.num_hidden_layers);
    for (int i = 0; i < m->count; i++) {
        const param_t *p = &m->params[i];
        float *w = m->weights + p->offset;
        double deviation = 0.02 * (writes_residual(p->name) ? shrink : 1);
        uint64_t stream = rng_stream(key, p->name);
        for (int64_t j = 0; j < p->count; j++) w[j] = p->decay ? (float)(deviation * rng_normal(stream, (uint64_t)j)) : 1;
    }
}

char *model_config_json(const model_config_t *c, int64_t bos)
{
    return xasprintf("{\"architectures\":[\"LlamaForCausalLM\"],\"model_type\":\"llama\",\"hidden_act\":\"silu\",\"hidden_size\":%lld,"
                     "\"num_hidden_layers\":%lld,\"num_attention_heads\":%lld,\"num_key_value_heads\":%lld,\"head_dim\":%lld,"
                     "\"intermediate_size\":%lld,\"vocab_size\":%lld,\"max_position_embeddings\":%lld,\"rms_norm_eps\":%g,"
                     "\"rope_theta\":%g,\"tie_word_embeddings\":true,\"attention_bias\":false,\"mlp_bias\":false,\"bos_token_id\":%lld}",
                     (long long)c->hidden_size, (long long)c->num_hidden_layers, (long long)c->num_attention_heads,
                     (long long)c->num_key_value_heads, (long long)c->head_dim, (long long)c->intermediate_size,
                     (long long)c->vocab_size, (long long)c->max_position_embeddings, c->rms_norm_eps, c->rope_theta, (long long)bos);
}

static int param_dims(const param_t *p, int64_t *shape)
{
    shape[0] = p->rows ? p->rows : p->cols;
    shape[1] = p->cols;
    return p->rows ? 2 : 1;
}

void model_add(st_writer_t *w, const model_t *m, const char *prefix, const float *values)
{
    for (int i = 0; i < m->count; i++) {
        int64_t shape[2];
        int dims = param_dims(&m->params[i], shape);
        char *name = xasprintf("%s%s", prefix, m->params[i].name);
        st_add(w, name, ST_F32, dims, shape, values + m->params[i].offset);
        free(name);
    }
}

void model_fetch(const st_file_t *f, const model_t *m, const char *prefix, float *values)
{
    for (int i = 0; i < m->count; i++) {
        int64_t shape[2];
        int dims = param_dims(&m->params[i], shape);
        char *name = xasprintf("%s%s", prefix, m->params[i].name);
        float *copy = st_need_f32(f, name, dims, shape);
        memcpy(values + m->params[i].offset, copy, (size_t)m->params[i].count * sizeof(float));
        free(copy);
        free(name);
    }
}

static double number(const st_file_t *f, const cJSON *config, const char *key, double missing)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(config, key);
    if (!v && !isnan(missing)) return missing;
    if (!cJSON_IsNumber(v) || !isfinite(v->valuedouble) || fabs(v->valuedouble) > 1e15)
        die_at(f->name, 0, "model config: \"%s\" must be a number", key);
    return v->valuedouble;
}

/* A size: a whole number, 1 or more. */
static int64_t whole(const st_file_t *f, const cJSON *config, const char *key, double missing)
{
    double v = number(f, config, key, missing);
    if (v < 1 || v != floor(v)) die_at(f->name, 0, "model config: \"%s\" must be a whole number, 1 or more", key);
    return (int64_t)v;
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
    for (int i = 0; i < m->count; i++) { /* before memory is taken for what the config claims */
        int64_t shape[2];
        int dims = param_dims(&m->params[i], shape);
        st_need(f, m->params[i].name, dims, shape);
    }
    m->weights = xfloats((size_t)m->size);
    model_fetch(f, m, "", m->weights);
    return m;
}
