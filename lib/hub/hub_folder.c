#include "hub/hub_folder.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/folder.h"
#include "base/mem.h"
#include "base/out.h"
#include "bpe/tokenizer.h"
#include "bpe/tokenizer_extend.h"
#include "bpe/tokenizer_write.h"

/* What is being written. In the folder, texts come first: `texts` ids, the tokenizer's, then `own` tokens of the generator's. */
typedef struct {
    const generator_t *g;
    const char *folder;
    st_dtype dtype;
    int32_t texts, own;
    bool has_texts;
} hub_t;

static char *path_of(const hub_t *h, const char *file) { return xasprintf("%s/%s", h->folder, file); }

static void write_json(const hub_t *h, const char *file, cJSON *j)
{
    char *path = path_of(h, file), *json = cJSON_Print(j);
    if (!json) die(EX_OSERR, "out of memory");
    char *line = xasprintf("%s\n", json);
    out_whole(path, line, strlen(line));
    free(line);
    free(json);
    free(path);
    cJSON_Delete(j);
}

/* Names the generator's tokens, of which codes and suffixes are what it says, and not special. */
static more_token_t *own_tokens(const hub_t *h)
{
    const vocab_t *v = &h->g->space.vocab;
    more_token_t *tokens = NEW_ARRAY(more_token_t, h->own);
    for (int32_t i = 0; i < h->own; i++) {
        tokens[i] = (more_token_t){xmalloc(VOCAB_NAME), i < v->first_code || i >= v->first_suffix + v->max_suffix};
        vocab_name(v, i, tokens[i].text);
    }
    return tokens;
}

/* Returns the tokenizer of the texts, of a model without them one of bytes. */
static buf_t text_tokenizer(const hub_t *h)
{
    buf_t json = {0};
    if (h->has_texts) buf_add(&json, (const char *)h->g->tokenizer, (size_t)h->g->space.tokenizer_bytes);
    else tokenizer_write_bytes(&json);
    return json;
}

static void write_tokenizer(const hub_t *h, const char *name)
{
    buf_t texts = text_tokenizer(h), all = {0};
    more_token_t *own = own_tokens(h);
    char *path = path_of(h, "tokenizer.json");
    tokenizer_extend(name, texts.data, texts.len, own, h->own, &all);
    out_whole(path, all.data, all.len);
    for (int32_t i = 0; i < h->own; i++) free(own[i].text);
    free(own);
    free(path);
    buf_free(&all);
    buf_free(&texts);
}

static void write_tokenizer_config(const hub_t *h)
{
    const vocab_t *v = &h->g->space.vocab;
    char name[VOCAB_NAME];
    cJSON *j = cJSON_CreateObject();
    cJSON_AddStringToObject(j, "tokenizer_class", "PreTrainedTokenizerFast");
    vocab_name(v, v->bos, name);
    cJSON_AddStringToObject(j, "bos_token", name);
    if (h->has_texts) {
        vocab_name(v, v->end, name);
        cJSON_AddStringToObject(j, "eos_token", name);
    }
    cJSON_AddFalseToObject(j, "add_bos_token");
    cJSON_AddFalseToObject(j, "clean_up_tokenization_spaces");
    cJSON_AddNumberToObject(j, "model_max_length", (double)h->g->model->config.max_position_embeddings);
    write_json(h, "tokenizer_config.json", j);
}

/* Adds what begins and ends a sequence. */
static void add_ends(const hub_t *h, cJSON *j)
{
    const vocab_t *v = &h->g->space.vocab;
    cJSON_DeleteItemFromObjectCaseSensitive(j, "bos_token_id");
    cJSON_AddNumberToObject(j, "bos_token_id", h->texts + v->bos);
    if (h->has_texts) cJSON_AddNumberToObject(j, "eos_token_id", h->texts + v->end);
    else cJSON_AddNullToObject(j, "eos_token_id");
}

static void write_config(const hub_t *h)
{
    model_config_t c = h->g->model->config;
    c.vocab_size = h->texts + h->own;
    char *json = model_config_json(&c, 0);
    cJSON *j = cJSON_Parse(json);
    if (!j) die(EX_OSERR, "out of memory");
    add_ends(h, j);
    cJSON_AddStringToObject(j, "torch_dtype", h->dtype == ST_BF16 ? "bfloat16" : "float32");
    write_json(h, "config.json", j);
    free(json);
}

static void write_generation_config(const hub_t *h)
{
    enum { BEAMS = 20 };
    cJSON *j = cJSON_CreateObject();
    add_ends(h, j);
    cJSON_AddFalseToObject(j, "do_sample");
    cJSON_AddNumberToObject(j, "num_beams", BEAMS);
    cJSON_AddNumberToObject(j, "max_new_tokens", h->has_texts ? TITLE_MOST + 1 : h->g->space.vocab.levels + 1);
    write_json(h, "generation_config.json", j);
}

/* Lays the embedding's rows in the folder's order. */
static float *embedding(const hub_t *h)
{
    const model_t *m = h->g->model;
    const int64_t width = m->config.hidden_size;
    float *rows = NEW_ARRAY(float, (h->texts + (int64_t)h->own) * width);
    if (h->has_texts) memcpy(rows, model_embedding(m, h->g->space.vocab.first_text), (size_t)(h->texts * width) * sizeof *rows);
    memcpy(rows + h->texts * width, model_embedding(m, 0), (size_t)(h->own * width) * sizeof *rows);
    return rows;
}

static void add_tensor(const hub_t *h, st_writer_t *w, const param_t *p, int64_t rows, const float *values)
{
    const int64_t matrix[] = {rows, p->cols}, vector[] = {p->cols}, *shape = p->rows ? matrix : vector;
    const int dims = p->rows ? 2 : 1;
    if (h->dtype == ST_BF16) st_add_bf16(w, p->name, dims, shape, values);
    else st_add(w, p->name, ST_F32, dims, shape, values);
}

static void write_weights(const hub_t *h)
{
    const model_t *m = h->g->model;
    char *path = path_of(h, "model.safetensors");
    st_writer_t *w = st_create(path, NULL);
    st_set_meta(w, "format", "pt");
    float *rows = embedding(h);
    for (int i = 0; i < m->params.count; i++) {
        const param_t *p = &m->params.blocks[i];
        if (i == m->embed) add_tensor(h, w, p, h->texts + (int64_t)h->own, rows);
        else add_tensor(h, w, p, p->rows, params_values(&m->params, i));
    }
    st_commit(w);
    free(rows);
    free(path);
}

static void check_body(const generator_t *g, const char *name)
{
    const model_config_t *c = &g->model->config;
    const char *what = g->space.body != BODY_FLAT ? "a timeline" : g->space.thinks ? "a model that thinks"
                     : c->node_vectors ? "a model with node vectors" : NULL;
    if (what) die(EX_DATAERR, "%s: %s, which is no Llama: only a plain --body flat can be exported", name, what);
}

void hub_write(const generator_t *g, const char *name, st_dtype dtype, const char *folder)
{
    enum { BYTES = 256 };
    const vocab_t *v = &g->space.vocab;
    check_body(g, name);
    const hub_t h = {g, folder, dtype, .texts = v->text ? v->text : BYTES, .own = v->text ? v->first_text : v->size, .has_texts = v->text > 0};
    folder_make(folder, 0777);
    write_tokenizer(&h, name);
    write_tokenizer_config(&h);
    write_config(&h);
    write_generation_config(&h);
    write_weights(&h);
}
