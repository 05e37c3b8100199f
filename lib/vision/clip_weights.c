#include "vision/clip_weights.h"

#include <stdlib.h>

#include "base/mem.h"
#include "nn/tensor_folder.h"
#include "vision/clip_names.h"

/* Opens the tensors' files: Hugging Face's name for a single one, or open_clip's. An index goes before the latter, which config.json
 * does not describe. */
static tensor_folder_t *open_folder(const char *folder, XXH3_state_t *digest)
{
    static const char *const hugging_face[] = {"model.safetensors", NULL};
    static const char *const open_clip[] = {"open_clip_model.safetensors", "model.safetensors", NULL};
    return tensor_folder_open(folder, clip_is_open_clip(folder) ? open_clip : hugging_face, digest);
}

/* Finds out what the tensors are called. */
static clip_names_t find_names(const tensor_folder_t *t)
{
    int count;
    const char **names = tensor_folder_names(t, &count);
    const clip_names_t found = clip_names_find(names, count, tensor_folder_where(t));
    free(names);
    return found;
}

/* Adds blocks once their tensors are found and sound, so that no memory is taken for what is not there. */
typedef struct {
    tensor_folder_t *folder;
    const clip_config_t *config;
    clip_weights_t *w;
    clip_names_t names;
} reader_t;

static int add_block(reader_t *r, params_t *to, param_t p)
{
    p.frozen = true;
    const int block = params_add(to, p);
    const st_file_t *f = tensor_folder_file(r->folder, p.name);
    params_check_blocks(f, to, block, 1);
    const st_dtype dtype = st_find(f, p.name)->dtype;
    if (!st_dtype_is_float(dtype)) st_bad(f, p.name, "is of type %s, expected a float type", st_dtype_name(dtype));
    return block;
}

static int add_vector(reader_t *r, const char *name, const char *tail, int64_t n)
{
    return add_block(r, &r->w->vectors, (param_t){.name = clip_name(&r->names, name, tail), .cols = n});
}

/* Adds one linear layer, or several with the same input as one: `names` are theirs, `count` of them, with `out` rows in all. */
static clip_linear_t add_linear(reader_t *r, const char *layer, int count, const char *const *names, int64_t out, int64_t in)
{
    const clip_scheme_t *scheme = r->names.scheme;
    params_align(&r->w->matrices);
    params_align(&r->w->vectors);
    const clip_linear_t l = {linear_on(in, out, r->w->matrices.count, -1), r->w->vectors.count};
    for (int i = 0; i < count; i++) {
        const bool attention = names == scheme->qkv;
        char *name = xasprintf("%s%s", layer, names[i]);
        add_block(r, &r->w->matrices, (param_t){.name = clip_name(&r->names, name, attention ? scheme->weight : ".weight"), .rows = out / count, .cols = in});
        add_vector(r, name, attention ? scheme->bias : ".bias", out / count);
        free(name);
    }
    return l;
}

static clip_norm_t add_norm(reader_t *r, const char *layer, const char *name)
{
    char *both = xasprintf("%s%s", layer, name);
    clip_norm_t n;
    params_align(&r->w->vectors);
    n.gain = add_vector(r, both, ".weight", r->config->hidden_size);
    n.bias = add_vector(r, both, ".bias", r->config->hidden_size);
    free(both);
    return n;
}

static void add_layer(reader_t *r, int64_t i)
{
    const clip_scheme_t *s = r->names.scheme;
    const int64_t d = r->config->hidden_size, wide = r->config->intermediate_size;
    clip_layer_t *l = &r->w->layers[i];
    char *layer = xasprintf("%s%lld.", s->layers, (long long)i);
    l->norm1 = add_norm(r, layer, s->norm1);
    l->norm2 = add_norm(r, layer, s->norm2);
    l->qkv = add_linear(r, layer, s->qkv[1] ? 3 : 1, s->qkv, 3 * d, d);
    l->out = add_linear(r, layer, 1, &s->out, d, d);
    l->fc1 = add_linear(r, layer, 1, &s->fc1, wide, d);
    l->fc2 = add_linear(r, layer, 1, &s->fc2, d, wide);
    free(layer);
}

/* Adds the convolution over patches, which do not overlap: a matrix. */
static linear_t add_patch(reader_t *r)
{
    const int64_t d = r->config->hidden_size, p = r->config->patch_size, in = CLIP_CHANNELS * p * p;
    const int block = add_block(r, &r->w->matrices, (param_t){.name = clip_name(&r->names, r->names.scheme->patch, ""), .rows = d,
                                                              .cols = in, .dims = 4, .shape = {d, CLIP_CHANNELS, p, p}});
    return linear_on(in, d, block, -1);
}

/* Keeps this order: that in which the files of an index are opened is part of the digest. */
static void add_all(reader_t *r)
{
    clip_weights_t *w = r->w;
    const clip_config_t *c = r->config;
    const clip_scheme_t *s = r->names.scheme;
    w->layers = NEW_ARRAY(clip_layer_t, c->num_hidden_layers);
    w->patch = add_patch(r);
    w->class_token = add_vector(r, s->class_token, "", c->hidden_size);
    w->position = add_block(r, &w->vectors, (param_t){.name = clip_name(&r->names, s->position, ""),
                                                      .rows = clip_tokens(c), .cols = c->hidden_size});
    w->pre = add_norm(r, "", s->pre);
    w->post = add_norm(r, "", s->post);
    for (int64_t i = 0; i < c->num_hidden_layers; i++) add_layer(r, i);
}

static void fill(reader_t *r, params_t *params)
{
    params_allocate(params);
    for (int i = 0; i < params->count; i++) params_read_blocks(tensor_folder_file(r->folder, params->blocks[i].name), params, i, 1);
}

clip_weights_t *clip_weights_read(const char *folder, const clip_config_t *c, const backend_t *b, XXH3_state_t *digest)
{
    clip_weights_t *w = NEW(clip_weights_t);
    reader_t r = {.folder = open_folder(folder, digest), .config = c, .w = w};
    r.names = find_names(r.folder);
    add_all(&r);
    fill(&r, &w->vectors);
    fill(&r, &w->matrices);
    tensor_folder_close(r.folder);
    free(r.names.prefix);
    w->operands = weights_new(&w->matrices, b);
    weights_release(&w->operands, &w->matrices);
    return w;
}

void clip_weights_free(clip_weights_t *w)
{
    if (!w) return;
    weights_free(&w->operands);
    params_free(&w->matrices);
    params_free(&w->vectors);
    free(w->layers);
    free(w);
}
