#include "hub/hub_config.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/folder_json.h"
#include "tasks/curriculum.h"

static void set(cJSON *j, const char *key, cJSON *value)
{
    cJSON_DeleteItemFromObjectCaseSensitive(j, key);
    cJSON_AddItemToObject(j, key, value);
}

/* Says what begins and ends a sequence; where there are templates, they begin it. */
static void set_ends(const hub_t *h, cJSON *j)
{
    const vocab_t *v = &h->g->space.vocab;
    if (!h->g->footing) set(j, "bos_token_id", cJSON_CreateNumber(h->texts + v->bos));
    set(j, "eos_token_id", h->has_texts ? cJSON_CreateNumber(h->texts + v->end) : cJSON_CreateNull());
}

static cJSON *base_config(const hub_t *h)
{
    char *path = xasprintf("%s/config.json", h->g->footing->base.backbone->folder);
    cJSON *j = folder_json(path, NULL);
    free(path);
    return j;
}

/* A model of codes alone gets positions for words, as one on a base has: rotary ones go on for ever. */
static cJSON *own_config(const hub_t *h)
{
    enum { WORDS = 256 };
    model_config_t c = h->g->model->config;
    if (!h->has_texts) c.max_position_embeddings += WORDS;
    char *json = model_config_json(&c, 0);
    cJSON *j = cJSON_Parse(json);
    if (!j) die(EX_OSERR, "out of memory");
    set(j, "bos_token_id", cJSON_CreateNull());
    set_ends(h, j);
    free(json);
    return j;
}

static bool writes_titles(const hub_t *h)
{
    const task_list_t learnt = task_list_learnt(h->g->tasks, h->name);
    bool any = false;
    for (int t = 0; t < TASKS; t++) any |= learnt.on[t] && task_form((task_t)t)->writes_title;
    return any;
}

void hub_write_configs(const hub_t *h)
{
    enum { BEAMS = 20 };
    cJSON *config = footing_base(h->g->footing) ? base_config(h) : own_config(h), *how = cJSON_CreateObject();
    set(config, "vocab_size", cJSON_CreateNumber((double)h->rows));
    set(config, "torch_dtype", cJSON_CreateString(h->dtype == ST_BF16 ? "bfloat16" : "float32"));
    hub_write_json(h, "config.json", config);
    set_ends(h, how);
    cJSON_AddFalseToObject(how, "do_sample");
    cJSON_AddNumberToObject(how, "num_beams", BEAMS);
    cJSON_AddNumberToObject(how, "max_new_tokens", writes_titles(h) ? TITLE_MOST + 1 : h->g->space.vocab.levels + 1);
    hub_write_json(h, "generation_config.json", how);
}

void hub_write_adapter_config(const hub_t *h)
{
    const base_t *b = &h->g->footing->base;
    const lora_t *lora = &b->adapter.lora;
    cJSON *j = cJSON_CreateObject(), *targets = cJSON_CreateArray();
    for (int t = 0; t < LORA_TARGETS; t++) {
        char *name = xasprintf("%s_proj", lora_name((lora_target_t)t));
        if (lora->rank && lora->on[t]) cJSON_AddItemToArray(targets, cJSON_CreateString(name));
        free(name);
    }
    cJSON_AddStringToObject(j, "peft_type", "LORA");
    cJSON_AddStringToObject(j, "task_type", "CAUSAL_LM");
    cJSON_AddStringToObject(j, "base_model_name_or_path", b->backbone->folder);
    cJSON_AddNumberToObject(j, "r", (double)lora->rank);
    cJSON_AddNumberToObject(j, "lora_alpha", lora->alpha);
    cJSON_AddNumberToObject(j, "lora_dropout", 0);
    cJSON_AddItemToObject(j, "target_modules", targets);
    cJSON_AddStringToObject(j, "bias", "none");
    static const char *const no[] = {"fan_in_fan_out", "use_rslora", "use_dora"};
    for (size_t i = 0; i < sizeof no / sizeof *no; i++) cJSON_AddFalseToObject(j, no[i]);
    cJSON_AddNullToObject(j, "modules_to_save");
    cJSON_AddTrueToObject(j, "inference_mode");
    hub_write_json(h, "adapter_config.json", j);
}
