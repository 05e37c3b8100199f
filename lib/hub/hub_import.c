#include "hub/hub_import.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/folder_json.h"

static const char prefix[] = "base_model.model.";

/* A folder that is read; of an adapter its config and weights, NULL for a whole model. */
typedef struct {
    const hub_import_t *from;
    char *config_path, *base;
    cJSON *config;
    st_file_t *weights;
    lora_t lora;
} import_t;

/* --- An adapter's config ------------------------------------------------------------------------------------------------------ */

static const cJSON *key_of(const import_t *m, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(m->config, key);
    return cJSON_IsNull(v) ? NULL : v;
}

/* Refuses keys that change what the pairs mean, unless they say nothing. */
static void check_keys(const import_t *m)
{
    static const char *const off[] = {"use_dora", "fan_in_fan_out", "lora_bias", "layers_to_transform", "rank_pattern", "alpha_pattern",
                                      "trainable_token_indices", "megatron_config", "eva_config"};
    for (size_t i = 0; i < sizeof off / sizeof *off; i++) {
        const cJSON *v = key_of(m, off[i]);
        const bool nothing = !v || cJSON_IsFalse(v) || ((cJSON_IsObject(v) || cJSON_IsArray(v)) && !v->child);
        if (!nothing) die_at(m->config_path, 0, "\"%s\" asks for what is not supported", off[i]);
    }
    const char *type = cJSON_GetStringValue(key_of(m, "peft_type")), *bias = cJSON_GetStringValue(key_of(m, "bias"));
    if (!type || strcmp(type, "LORA")) die_at(m->config_path, 0, "\"peft_type\": expected \"LORA\"");
    if (bias && strcmp(bias, "none")) die_at(m->config_path, 0, "\"bias\": expected \"none\"");
}

static double need_number(const import_t *m, const char *key, double least)
{
    const cJSON *v = key_of(m, key);
    if (!cJSON_IsNumber(v) || !(v->valuedouble >= least && v->valuedouble <= 1e6))
        die_at(m->config_path, 0, "\"%s\" must be a number from %g to 1000000", key, least);
    return v->valuedouble;
}

/* Tells which matrices have pairs by those that are there, in the first layer: what the config lists may be a pattern. */
static void find_targets(import_t *m)
{
    for (int t = 0; t < LORA_TARGETS; t++) {
        char *name = xasprintf("%smodel.layers.0.%s.%s_proj.lora_A.weight", prefix, t < LORA_GATE ? "self_attn" : "mlp", lora_name((lora_target_t)t));
        m->lora.on[t] = st_find(m->weights, name) != NULL;
        free(name);
    }
}

static void read_adapter(import_t *m)
{
    char *weights = xasprintf("%s/adapter_model.safetensors", m->from->folder);
    m->config = folder_json(m->config_path, NULL);
    check_keys(m);
    m->weights = st_open(weights);
    m->lora.rank = (int64_t)need_number(m, "r", 0);
    m->lora.alpha = need_number(m, "lora_alpha", 0);
    if (cJSON_IsTrue(key_of(m, "use_rslora"))) m->lora.alpha *= sqrt((double)m->lora.rank);
    if (m->lora.rank) find_targets(m);
    const char *base = m->from->base ? m->from->base : cJSON_GetStringValue(key_of(m, "base_model_name_or_path"));
    if (!base || !*base) die_at(m->config_path, 0, "names no base: expected \"base_model_name_or_path\", or --base");
    m->base = xstrdup(base);
    free(weights);
}

static import_t open_import(const hub_import_t *from)
{
    import_t m = {.from = from, .config_path = xasprintf("%s/adapter_config.json", from->folder)};
    if (!access(m.config_path, F_OK)) read_adapter(&m);
    else if (from->base) die(EX_USAGE, "--base goes with an adapter: %s has no adapter_config.json", from->folder);
    else m.base = xstrdup(from->folder);
    return m;
}

static void close_import(import_t *m)
{
    cJSON_Delete(m->config);
    if (m->weights) st_close(m->weights);
    free(m->config_path);
    free(m->base);
}

/* --- Rows of tokens ----------------------------------------------------------------------------------------------------------- */

/* Whether some SID has the token. */
static bool *used_tokens(const space_t *s)
{
    bool *used = NEW_ARRAY(bool, s->vocab.first_text);
    for (int64_t i = 0; i < s->sids->items; i++)
        for (int l = 0; l < space_sid_length(s, i); l++) used[space_sid(s, i)[l]] = true;
    return used;
}

/* The ids of the generator's own tokens in the folder's tokenizer, -1 for one that it has not and that no SID needs. */
static int32_t *own_ids(const import_t *m, const space_t *s, const tokenizer_t *t)
{
    const int32_t own = s->vocab.first_text;
    int32_t *ids = NEW_ARRAY(int32_t, own);
    bool *used = used_tokens(s);
    char name[VOCAB_NAME];
    for (int32_t i = 0; i < own; i++) {
        vocab_name(&s->vocab, i, name);
        ids[i] = tokenizer_id(t, name, strlen(name));
        if (ids[i] < 0 && used[i]) die(EX_DATAERR, "%s/tokenizer.json: has no token %s, which an item's Semantic ID has", m->from->folder, name);
    }
    free(used);
    return ids;
}

/* Where a row of a folder's embedding or output matrix comes from: an adapter's own table, or the base. */
static void folder_row(const import_t *m, const model_t *model, const st_tensor_t *table, int base, int32_t id, float *x)
{
    if (!table) {
        params_row(&model->params, base, id, x);
        return;
    }
    if (id >= table->shape[0]) die_at(m->weights->name, 0, "token %d is beyond the %lld rows of '%s'", id, (long long)table->shape[0], table->name);
    const st_tensor_t row = st_rows(table, id, id + 1);
    st_floats(&row, x);
}

/* An adapter's table of tokens; NULL where it leaves the base's as it is. */
static const st_tensor_t *table_of(const import_t *m, const model_t *model, const char *name)
{
    char *full = xasprintf("%s%s", prefix, name);
    int64_t shape[] = {-1, model->config.hidden_size};
    const st_tensor_t *t = m->weights && st_find(m->weights, full) ? st_need_finite(m->weights, full, 2, shape) : NULL;
    free(full);
    return t;
}

/* Fills a block of the generator's own rows; where the folder has none, with the mean of the others. */
static void fill_rows(const import_t *m, const model_t *model, const char *name, int block, int base, int32_t own, const int32_t *ids)
{
    const int64_t d = model->config.hidden_size;
    const st_tensor_t *table = table_of(m, model, name);
    double *mean = NEW_ARRAY(double, d);
    int64_t known = 0;
    for (int32_t i = 0; i < own; i++) {
        if (ids[i] < 0) continue;
        float *row = model_row(model, block, i);
        folder_row(m, model, table, base, ids[i], row);
        known++;
        for (int64_t j = 0; j < d; j++) mean[j] += ((double)row[j] - mean[j]) / (double)known;
    }
    for (int32_t i = 0; i < own; i++)
        for (int64_t j = 0; ids[i] < 0 && j < d; j++) model_row(model, block, i)[j] = (float)mean[j];
    free(mean);
}

static void fill_pairs(const import_t *m, const model_t *model)
{
    for (int i = 0; i < model->params.count; i++) {
        const param_t *p = &model->params.blocks[i];
        if (!strstr(p->name, ".lora_")) continue;
        char *name = xasprintf("%s%s", prefix, p->name);
        int64_t shape[] = {p->rows, p->cols};
        float *values = st_need_f32(m->weights, name, 2, shape);
        memcpy(params_values(&model->params, i), values, (size_t)p->count * sizeof *values);
        free(values);
        free(name);
    }
}

/* Refuses an adapter that has more than pairs and tables. */
static void check_tensors(const import_t *m, const model_t *model)
{
    int expected = 0;
    for (int i = 0; i < model->params.count; i++) expected += strstr(model->params.blocks[i].name, ".lora_") != NULL;
    static const char *const tables[] = {"model.embed_tokens.weight", "lm_head.weight"};
    for (int i = 0; i < m->weights->count; i++) {
        const char *name = m->weights->tensors[i].name;
        bool table = false;
        for (int t = 0; t < 2; t++) table |= !strncmp(name, prefix, strlen(prefix)) && !strcmp(name + strlen(prefix), tables[t]);
        if (table) continue;
        if (!strstr(name, ".lora_")) st_bad(m->weights, name, "not part of an adapter that is supported: expected low-rank pairs and tables of tokens");
        expected--;
    }
    if (expected) die_at(m->weights->name, 0, "low-rank pairs that not every layer has");
}

/* --- All of it ---------------------------------------------------------------------------------------------------------------- */

/* The tokenizer that spells the SIDs: an adapter's folder may have one of its own. */
static tokenizer_t *spelling(const import_t *m)
{
    char *path = xasprintf("%s/tokenizer.json", m->from->folder);
    if (access(path, F_OK)) {
        free(path);
        path = xasprintf("%s/tokenizer.json", m->base);
    }
    tokenizer_t *t = tokenizer_load(path);
    free(path);
    return t;
}

generator_t hub_import(const hub_import_t *from, const sids_t *sids, templates_t templates)
{
    import_t m = open_import(from);
    generator_t g = {.space = space_make(sids, from->softmax, BODY_FLAT, from->max_items), .footing = NEW(footing_t)};
    *g.footing = (footing_t){.base = {.folder = xstrdup(m.base), .adapter.lora = m.lora}, .templates = templates};
    g.model = footing_open(g.footing, &g.space, TITLE_MOST, from->folder);
    if (space_positions(&g.space) > g.model->config.max_position_embeddings)
        die(EX_DATAERR, "%s: histories of %lld items may take %lld positions, and it has %lld", from->folder, (long long)from->max_items,
            (long long)space_positions(&g.space), (long long)g.model->config.max_position_embeddings);
    if (m.weights) check_tensors(&m, g.model);
    tokenizer_t *t = spelling(&m);
    int32_t *ids = own_ids(&m, &g.space, t);
    fill_rows(&m, g.model, "model.embed_tokens.weight", g.model->embed, g.model->base_embed, g.space.vocab.first_text, ids);
    if (g.model->output != g.model->embed)
        fill_rows(&m, g.model, "lm_head.weight", g.model->output, g.model->base_output, g.space.vocab.first_text, ids);
    if (m.weights) fill_pairs(&m, g.model);
    free(ids);
    tokenizer_free(t);
    close_import(&m);
    return g;
}
