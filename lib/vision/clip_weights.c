#include "vision/clip_weights.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "data/json.h"
#include "data/st.h"
#include "vision/clip_names.h"

/* The files that hold the tensors: one, or those that an index names. */
typedef struct {
    char *index;         /* the index file; NULL where there is but one file */
    cJSON *json, *map;   /* its content; tensor name to file name */
    st_file_t **files;
    char **names;        /* of the files, as the index gives them */
    int count;
    const char *folder;
    XXH3_state_t *digest;
} store_t;

static const st_file_t *open_file(store_t *s, const char *name)
{
    char *path = xasprintf("%s/%s", s->folder, name);
    s->files = xreallocarray(s->files, (size_t)s->count + 1, sizeof *s->files);
    s->names = xreallocarray(s->names, (size_t)s->count + 1, sizeof *s->names);
    st_file_t *f = s->files[s->count] = st_open(path);
    s->names[s->count++] = xstrdup(name);
    char *digest = st_digest(f);
    XXH3_128bits_update(s->digest, digest, strlen(digest));
    free(digest);
    free(path);
    return f;
}

static void read_index(store_t *s)
{
    bytes_t b = in_bytes(s->index);
    const char *text = (const char *)b.data;
    json_error_t e;
    if (!utf8_valid(text, b.len)) die_at(s->index, 0, "not valid UTF-8");
    if (!json_check(text, b.len, &e)) die_at(s->index, 0, "not JSON at byte %zu: %s", e.at, e.why);
    s->json = cJSON_ParseWithLength(text, b.len);
    s->map = cJSON_GetObjectItemCaseSensitive(s->json, "weight_map");
    if (!cJSON_IsObject(s->map)) die_at(s->index, 0, "no object \"weight_map\", expected one from tensors to files");
    in_free(&b);
}

/* The file of all tensors: Hugging Face's name for it, or open_clip's. */
static bool open_single(store_t *s)
{
    static const char *const names[] = {"model.safetensors", "open_clip_model.safetensors"};
    const int own = clip_is_open_clip(s->folder);
    for (int i = 0; i < 2; i++) {
        const char *name = names[i ^ own];
        char *path = xasprintf("%s/%s", s->folder, name);
        bool there = !access(path, F_OK);
        free(path);
        if (there) {
            open_file(s, name);
            return true;
        }
        if (!own) return false; /* an index goes before open_clip's file, which config.json does not describe */
    }
    return false;
}

static store_t store_open(const char *folder, XXH3_state_t *digest)
{
    store_t s = {.folder = folder, .digest = digest};
    if (open_single(&s)) return s;
    char *pickle = xasprintf("%s/pytorch_model.bin", folder);
    s.index = xasprintf("%s/model.safetensors.index.json", folder);
    if (access(s.index, F_OK))
        die(EX_NOINPUT, "%s: no model.safetensors and no model.safetensors.index.json%s", folder,
            access(pickle, F_OK) ? "" : "; pytorch_model.bin, a program in disguise, is not read: convert it to safetensors");
    read_index(&s);
    free(pickle);
    return s;
}

/* Finds out what the tensors are called. */
static clip_names_t find_names(const store_t *s)
{
    const int count = s->index ? cJSON_GetArraySize(s->map) : s->files[0]->count;
    const char **names = NEW_ARRAY(const char *, count + 1);
    const cJSON *v = s->index ? s->map->child : NULL;
    for (int i = 0; i < count; i++, v = v ? v->next : NULL) names[i] = v ? v->string : s->files[0]->tensors[i].name;
    clip_names_t found = clip_names_find(names, count, s->index ? s->index : s->files[0]->name);
    free(names);
    return found;
}

static void store_close(store_t *s)
{
    for (int i = 0; i < s->count; i++) {
        st_close(s->files[i]);
        free(s->names[i]);
    }
    free(s->files);
    free(s->names);
    free(s->index);
    cJSON_Delete(s->json);
}

/* A plain name within the folder: an index must not lead elsewhere. */
static bool plain_name(const char *name)
{
    size_t n = strlen(name), tail = strlen(".safetensors");
    return n > tail && name[0] != '.' && !strchr(name, '/') && !strcmp(name + n - tail, ".safetensors");
}

/* The file that should hold a tensor. */
static const st_file_t *store_file(store_t *s, const char *tensor)
{
    if (!s->index) return s->files[0];
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(s->map, tensor);
    if (!v) die_at(s->index, 0, "weight_map: no tensor '%s'", tensor);
    if (!cJSON_IsString(v) || !plain_name(v->valuestring))
        die_at(s->index, 0, "weight_map: '%s' is not in a file NAME.safetensors of this folder", tensor);
    for (int i = 0; i < s->count; i++)
        if (!strcmp(s->names[i], v->valuestring)) return s->files[i];
    return open_file(s, v->valuestring);
}

/* Adds blocks once their tensors are found and sound, so that no memory is taken for what is not there. */
typedef struct {
    store_t store;
    const clip_config_t *config;
    clip_weights_t *w;
    clip_names_t names;
} reader_t;

static int add_block(reader_t *r, params_t *to, param_t p)
{
    p.frozen = true;
    const int block = params_add(to, p);
    const st_file_t *f = store_file(&r->store, p.name);
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
    for (int i = 0; i < params->count; i++) params_read_blocks(store_file(&r->store, params->blocks[i].name), params, i, 1);
}

clip_weights_t *clip_weights_read(const char *folder, const clip_config_t *c, const backend_t *b, XXH3_state_t *digest)
{
    clip_weights_t *w = NEW(clip_weights_t);
    reader_t r = {.store = store_open(folder, digest), .config = c, .w = w};
    r.names = find_names(&r.store);
    add_all(&r);
    fill(&r, &w->vectors);
    fill(&r, &w->matrices);
    store_close(&r.store);
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
