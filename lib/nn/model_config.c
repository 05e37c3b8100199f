#include "nn/model_config.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

const char *model_config_fault(const model_config_t *c)
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

/* Returns how frequencies are scaled, as a member; nothing where they are not. Caller frees. */
static char *scaling_json(const rope_scaling_t *s)
{
    if (!(s->factor > 0)) return xstrdup("");
    return xasprintf("\"rope_scaling\":{\"rope_type\":\"llama3\",\"factor\":%.9g,\"low_freq_factor\":%.9g,\"high_freq_factor\":%.9g,"
                     "\"original_max_position_embeddings\":%lld},", s->factor, s->low_freq_factor, s->high_freq_factor,
                     (long long)s->original_max_position_embeddings);
}

char *model_config_json(const model_config_t *c, int64_t bos)
{
    char *additions = additions_json(c), *scaling = scaling_json(&c->rope_scaling);
    const char *family = c->qkv_bias ? "qwen2" : c->qk_norm ? "qwen3" : "llama";
    const char *of_family = c->qkv_bias ? "Qwen2ForCausalLM" : c->qk_norm ? "Qwen3ForCausalLM" : "LlamaForCausalLM";
    char *json = xasprintf("{\"architectures\":[\"%s\"],\"model_type\":\"%s\",\"hidden_act\":\"silu\","
                           "\"hidden_size\":%lld,\"num_hidden_layers\":%lld,\"num_attention_heads\":%lld,"
                           "\"num_key_value_heads\":%lld,\"head_dim\":%lld,"
                           "\"intermediate_size\":%lld,\"vocab_size\":%lld,\"max_position_embeddings\":%lld,\"rms_norm_eps\":%.9g,"
                           "\"rope_theta\":%.9g,%s\"tie_word_embeddings\":%s,\"attention_bias\":false,\"mlp_bias\":false,"
                           "\"bos_token_id\":%lld%s}",
                           is_llama(c) ? of_family : "SidmillForCausalLM", family, (long long)c->hidden_size,
                           (long long)c->num_hidden_layers, (long long)c->num_attention_heads,
                           (long long)c->num_key_value_heads, (long long)c->head_dim, (long long)c->intermediate_size,
                           (long long)c->vocab_size, (long long)c->max_position_embeddings, c->rms_norm_eps, c->rope_theta,
                           scaling, c->untied ? "false" : "true", (long long)bos, additions);
    free(additions);
    free(scaling);
    return json;
}

/* --- Reading --------------------------------------------------------------------------------------------------------------- */

/* A config that is being read; `name` is its file's. */
typedef struct {
    const char *name;
    const cJSON *json;
} reader_t;

/* What a key holds; NULL where it is not there, or null. */
static const cJSON *value(const reader_t *r, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(r->json, key);
    return cJSON_IsNull(v) ? NULL : v;
}

static double number(const reader_t *r, const char *key, double missing)
{
    const cJSON *v = value(r, key);
    if (!v && !isnan(missing)) return missing;
    if (!cJSON_IsNumber(v) || !isfinite(v->valuedouble) || fabs(v->valuedouble) > 1e15)
        die_at(r->name, 0, "model config: \"%s\" must be a number", key);
    return v->valuedouble;
}

/* Reads a size: a whole number, 1 or more; or one that is 0 where it is missing. */
static int64_t whole(const reader_t *r, const char *key, double missing)
{
    const double v = number(r, key, missing);
    if (v < 1 || v != floor(v)) die_at(r->name, 0, "model config: \"%s\" must be a whole number, 1 or more", key);
    return (int64_t)v;
}

static int64_t whole_or_none(const reader_t *r, const char *key) { return number(r, key, 0) == 0 ? 0 : whole(r, key, NAN); }

static bool flag(const reader_t *r, const char *key, bool missing)
{
    const cJSON *v = value(r, key);
    if (v && !cJSON_IsBool(v)) die_at(r->name, 0, "model config: \"%s\" must be true or false", key);
    return v ? cJSON_IsTrue(v) : missing;
}

static const char *word(const reader_t *r, const char *key, const char *missing)
{
    const cJSON *v = value(r, key);
    if (v && !cJSON_IsString(v)) die_at(r->name, 0, "model config: \"%s\" must be a string", key);
    return v ? v->valuestring : missing;
}

_Noreturn static void refuse(const reader_t *r, const char *key)
{
    die_at(r->name, 0, "model config: \"%s\" asks for what this transformer has not", key);
}

typedef enum { LLAMA, MISTRAL, QWEN2, QWEN3, FAMILIES } family_t;

static family_t family_of(const reader_t *r)
{
    static const char *const names[] = {[LLAMA] = "llama", [MISTRAL] = "mistral", [QWEN2] = "qwen2", [QWEN3] = "qwen3"};
    const char *name = word(r, "model_type", "llama");
    for (int i = 0; i < FAMILIES; i++)
        if (!strcmp(name, names[i])) return (family_t)i;
    die_at(r->name, 0, "model config: \"model_type\" is \"%.40s\", expected llama, mistral, qwen2 or qwen3", name);
}

/* Refuses what families know and this transformer does not. */
static void check_keys(const reader_t *r)
{
    static const char *const never[] = {"attention_bias", "mlp_bias", "quantization_config", "num_local_experts", "clip_qkv"};
    for (size_t i = 0; i < sizeof never / sizeof *never; i++) {
        const cJSON *v = value(r, never[i]);
        if (v && !cJSON_IsFalse(v)) refuse(r, never[i]);
    }
    if (number(r, "partial_rotary_factor", 1) < 1 || number(r, "partial_rotary_factor", 1) > 1) refuse(r, "partial_rotary_factor");
    if (strcmp(word(r, "hidden_act", "silu"), "silu")) die_at(r->name, 0, "model config: \"hidden_act\" must be \"silu\"");
}

/* Reads how frequencies are scaled, from `rope_scaling` or, of newer files, `rope_parameters`. */
static rope_scaling_t parse_scaling(const reader_t *r, const char *key)
{
    const reader_t s = {r->name, value(r, key)};
    if (!s.json) return (rope_scaling_t){0};
    if (!cJSON_IsObject(s.json)) refuse(r, key);
    const char *type = word(&s, "rope_type", word(&s, "type", "default"));
    if (!strcmp(type, "default")) return (rope_scaling_t){0};
    if (strcmp(type, "llama3")) die_at(r->name, 0, "model config: \"%s\" of type \"%.40s\", expected llama3", key, type);
    const rope_scaling_t scaling = {number(&s, "factor", NAN), number(&s, "low_freq_factor", NAN), number(&s, "high_freq_factor", NAN),
                                    whole(&s, "original_max_position_embeddings", NAN)};
    if (scaling.factor < 1 || scaling.low_freq_factor <= 0 || scaling.high_freq_factor <= scaling.low_freq_factor)
        die_at(r->name, 0, "model config: \"%s\": factors out of range", key);
    return scaling;
}

/* Holds positions to the window that layers attend to, where there is one: within it, it makes no difference. */
static void heed_window(const reader_t *r, family_t family, model_config_t *c)
{
    const bool used = family == MISTRAL || flag(r, "use_sliding_window", false);
    const int64_t window = used ? whole_or_none(r, "sliding_window") : 0;
    if (window && window < c->max_position_embeddings) c->max_position_embeddings = window;
}

static void parse_rope(const reader_t *r, model_config_t *c)
{
    const reader_t newer = {r->name, value(r, "rope_parameters")};
    c->rope_theta = number(r, "rope_theta", newer.json ? number(&newer, "rope_theta", 10000) : 10000);
    c->rope_scaling = parse_scaling(r, newer.json ? "rope_parameters" : "rope_scaling");
}

static void parse_additions(const reader_t *r, model_config_t *c)
{
    c->depth_levels = whole_or_none(r, "depth_levels");
    c->depth_size = whole_or_none(r, "depth_size");
    c->think_levels = whole_or_none(r, "think_levels");
    c->think_size = whole_or_none(r, "think_size");
    c->learned_positions = whole_or_none(r, "learned_positions");
    c->item_vectors = whole_or_none(r, "item_vectors");
    c->node_vectors = whole_or_none(r, "node_vectors");
}

model_config_t model_config_parse(const char *name, const cJSON *j)
{
    const reader_t at = {name, j}, *r = &at;
    const family_t family = family_of(r);
    check_keys(r);
    model_config_t c = {0};
    c.hidden_size = whole(r, "hidden_size", NAN);
    c.num_hidden_layers = whole(r, "num_hidden_layers", NAN);
    c.num_attention_heads = whole(r, "num_attention_heads", NAN);
    c.num_key_value_heads = whole(r, "num_key_value_heads", (double)c.num_attention_heads);
    c.head_dim = whole(r, "head_dim", (double)(c.hidden_size / c.num_attention_heads));
    c.intermediate_size = whole(r, "intermediate_size", NAN);
    c.vocab_size = whole(r, "vocab_size", NAN);
    c.max_position_embeddings = whole(r, "max_position_embeddings", 2048);
    c.rms_norm_eps = number(r, "rms_norm_eps", 1e-6);
    c.qkv_bias = family == QWEN2;
    c.qk_norm = family == QWEN3;
    c.untied = !flag(r, "tie_word_embeddings", false);
    parse_rope(r, &c);
    parse_additions(r, &c);
    heed_window(r, family, &c);
    if (c.max_position_embeddings > 1 << 24 || c.rope_theta <= 0 || c.rms_norm_eps < 0)
        die_at(name, 0, "model config: positions, rope_theta or rms_norm_eps out of range");
    const char *fault = model_config_fault(&c);
    if (fault) die_at(name, 0, "model config: %s", fault);
    return c;
}
