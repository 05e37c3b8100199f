#include "lm/backbone.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "nn/folder_json.h"

static model_config_t read_config(const char *folder, XXH3_state_t *digest)
{
    char *path = xasprintf("%s/config.json", folder);
    cJSON *json = folder_json(path, digest);
    const model_config_t c = model_config_parse(path, json);
    if (c.depth_levels || c.think_levels || c.learned_positions || c.item_vectors || c.node_vectors)
        die_at(path, 0, "model config: a generator over Semantic IDs, expected a language model");
    cJSON_Delete(json);
    free(path);
    return c;
}

/* What begins the names of the decoder's tensors: nothing where it was saved without a head. */
static const char *prefix_of(const tensor_folder_t *t)
{
    int count;
    const char **names = tensor_folder_names(t, &count), *prefix = NULL;
    for (int i = 0; i < count && !prefix; i++)
        prefix = !strcmp(names[i], "model.embed_tokens.weight") ? "model." : !strcmp(names[i], "embed_tokens.weight") ? "" : NULL;
    free(names);
    if (!prefix) die_at(tensor_folder_where(t), 0, "no tensor 'model.embed_tokens.weight' or 'embed_tokens.weight': no decoder's weights");
    return prefix;
}

/* Maps matrices, and reads vectors; what trains is not there. */
static void read_weights(backbone_t *b)
{
    params_t *params = &b->model->params;
    for (int i = 0; i < params->count; i++) {
        if (!params->blocks[i].frozen) continue;
        const st_file_t *f = tensor_folder_file(b->files, params->blocks[i].name);
        if (params->blocks[i].mapped) params_map(f, params, i);
        else params_check_blocks(f, params, i, 1);
    }
    params_allocate(params);
    for (int i = 0; i < params->count; i++)
        if (params->blocks[i].frozen && !params->blocks[i].mapped) params_read_blocks(tensor_folder_file(b->files, params->blocks[i].name), params, i, 1);
}

static void read_tokenizer(backbone_t *b, const char *folder, XXH3_state_t *digest)
{
    char *path = xasprintf("%s/tokenizer.json", folder);
    b->tokenizer = tokenizer_load(path);
    b->frame = frame_load(path, b->tokenizer);
    if (tokenizer_size(b->tokenizer) > b->model->config.vocab_size)
        die_at(path, 0, "has ids up to %d, and the embedding %lld rows", tokenizer_size(b->tokenizer) - 1,
               (long long)b->model->config.vocab_size);
    b->tokenizer_json = in_bytes(path);
    XXH3_128bits_update(digest, b->tokenizer_json.data, b->tokenizer_json.len);
    free(path);
}

backbone_t *backbone_open(const char *folder, const adapter_t *adapter)
{
    static const char *const single[] = {"model.safetensors", NULL};
    backbone_t *b = NEW(backbone_t);
    b->folder = xstrdup(folder);
    XXH3_state_t *digest = XXH3_createState();
    XXH3_128bits_reset(digest);
    const model_config_t config = read_config(folder, digest);
    b->files = tensor_folder_open(folder, single, digest);
    b->model = model_new_mapped(config, prefix_of(b->files));
    if (adapter) adapter_add(b->model, adapter);
    read_weights(b);
    read_tokenizer(b, folder, digest);
    if (adapter) b->model->config.vocab_size = adapter->tokens + tokenizer_size(b->tokenizer);
    b->digest = digest_hex(XXH3_128bits_digest(digest));
    XXH3_freeState(digest);
    return b;
}

void backbone_close_weights(backbone_t *b)
{
    tensor_folder_close(b->files);
    b->files = NULL;
}

void backbone_close(backbone_t *b)
{
    if (!b) return;
    model_free(b->model);
    tokenizer_free(b->tokenizer);
    in_free(&b->tokenizer_json);
    frame_free(&b->frame);
    backbone_close_weights(b);
    free(b->folder);
    free(b->digest);
    free(b);
}

model_t *backbone_take(backbone_t *b)
{
    model_t *m = b->model;
    b->model = NULL;
    return m;
}
