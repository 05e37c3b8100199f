#include "hub/hub_tokenizer.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/in.h"
#include "base/mem.h"
#include "base/out.h"
#include "bpe/tokenizer_extend.h"
#include "bpe/tokenizer_write.h"

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
    const space_t *s = &h->g->space;
    buf_t json = {0};
    if (h->has_texts) buf_add(&json, (const char *)s->tokenizer, (size_t)s->tokenizer_bytes);
    else tokenizer_write_bytes(&json);
    return json;
}

static cJSON *own_config(const hub_t *h)
{
    const vocab_t *v = &h->g->space.vocab;
    char name[VOCAB_NAME];
    cJSON *j = cJSON_CreateObject();
    cJSON_AddStringToObject(j, "tokenizer_class", "PreTrainedTokenizerFast");
    vocab_name(v, v->bos, name);
    if (!h->g->footing) cJSON_AddStringToObject(j, "bos_token", name);
    if (h->has_texts) {
        vocab_name(v, v->end, name);
        cJSON_AddStringToObject(j, "eos_token", name);
    }
    cJSON_AddFalseToObject(j, "add_bos_token");
    cJSON_AddFalseToObject(j, "clean_up_tokenization_spaces");
    cJSON_AddNumberToObject(j, "model_max_length", (double)h->g->model->config.max_position_embeddings);
    return j;
}

/* Writes the base's own file, if it has one: its class, its chat template. */
static void write_config(const hub_t *h)
{
    static const char file[] = "tokenizer_config.json";
    const base_t *on = footing_base(h->g->footing);
    char *base = on ? xasprintf("%s/%s", on->backbone->folder, file) : NULL, *path = hub_path(h, file);
    if (base && !access(base, R_OK)) {
        bytes_t b = in_bytes(base);
        out_whole(path, b.data, b.len);
        in_free(&b);
    } else {
        hub_write_json(h, file, own_config(h));
    }
    free(base);
    free(path);
}

void hub_write_tokenizer(const hub_t *h)
{
    buf_t texts = text_tokenizer(h), all = {0};
    more_token_t *own = own_tokens(h);
    char *path = hub_path(h, "tokenizer.json");
    tokenizer_extend(h->name, texts.data, texts.len, own, h->own, &all);
    out_whole(path, all.data, all.len);
    for (int32_t i = 0; i < h->own; i++) free(own[i].text);
    free(own);
    free(path);
    buf_free(&all);
    buf_free(&texts);
    write_config(h);
}
