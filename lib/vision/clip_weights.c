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

/* Reads the tower's tensors; on the first pass they are only checked, so that no memory is taken for what is not there. */
typedef struct {
    store_t store;
    const clip_config_t *config;
    const backend_t *backend;
    bool check_only;
} reader_t;

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

static store_t store_open(const char *folder, XXH3_state_t *digest)
{
    store_t s = {.folder = folder, .digest = digest};
    char *single = xasprintf("%s/model.safetensors", folder), *pickle = xasprintf("%s/pytorch_model.bin", folder);
    s.index = xasprintf("%s/model.safetensors.index.json", folder);
    if (!access(single, F_OK)) {
        free(s.index);
        s.index = NULL;
        open_file(&s, "model.safetensors");
    } else if (!access(s.index, F_OK)) {
        read_index(&s);
    } else {
        die(EX_NOINPUT, "%s: no model.safetensors and no model.safetensors.index.json%s", folder,
            access(pickle, F_OK) ? "" : "; pytorch_model.bin, a program in disguise, is not read: convert it to safetensors");
    }
    free(single);
    free(pickle);
    return s;
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

static float *read_tensor(reader_t *r, const char *name, int dims, const int64_t *extents)
{
    int64_t shape[ST_MAX_DIMS];
    memcpy(shape, extents, (size_t)dims * sizeof *shape);
    const st_file_t *f = store_file(&r->store, name);
    const st_tensor_t *t = st_need(f, name, dims, shape);
    if (!st_dtype_is_float(t->dtype)) st_bad(f, name, "is of type %s, expected a float type", st_dtype_name(t->dtype));
    return r->check_only ? NULL : st_need_f32(f, name, dims, shape);
}

static float *read_vector(reader_t *r, const char *prefix, const char *tail, int64_t n)
{
    char *name = xasprintf("vision_model.%s%s", prefix, tail);
    float *x = read_tensor(r, name, 1, (int64_t[]){n});
    free(name);
    return x;
}

static operand_t *operand_new(const reader_t *r, int64_t count)
{
    return r->check_only ? NULL : xfloats((size_t)count * r->backend->operand_size / sizeof(float) + 1);
}

static void pack(const reader_t *r, float *x, int64_t count, operand_t *base, int64_t at)
{
    if (!r->check_only) r->backend->pack(x, count, operand_at(r->backend, base, at));
    free(x);
}

/* One linear layer, or several with the same input as one: `tails` are their names. */
static clip_linear_t read_linear(reader_t *r, const char *prefix, int count, const char *const *tails, int64_t out, int64_t in)
{
    clip_linear_t l = {operand_new(r, count * out * in), r->check_only ? NULL : xfloats((size_t)(count * out))};
    for (int i = 0; i < count; i++) {
        char *weight = xasprintf("vision_model.%s%s.weight", prefix, tails[i]), *bias = xasprintf("%s.bias", tails[i]);
        pack(r, read_tensor(r, weight, 2, (int64_t[]){out, in}), out * in, l.weight, i * out * in);
        float *b = read_vector(r, prefix, bias, out);
        if (b) memcpy(l.bias + i * out, b, (size_t)out * sizeof *b);
        free(b);
        free(weight);
        free(bias);
    }
    return l;
}

static clip_norm_t read_norm(reader_t *r, const char *prefix, const char *tail)
{
    char *name = xasprintf("%s%s", prefix, tail);
    clip_norm_t n = {read_vector(r, name, ".weight", r->config->hidden_size), read_vector(r, name, ".bias", r->config->hidden_size)};
    free(name);
    return n;
}

static clip_layer_t read_layer(reader_t *r, int64_t i)
{
    static const char *const qkv[] = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"}, *const out[] = {"self_attn.out_proj"},
                      *const fc1[] = {"mlp.fc1"}, *const fc2[] = {"mlp.fc2"};
    const int64_t d = r->config->hidden_size, wide = r->config->intermediate_size;
    char *prefix = xasprintf("encoder.layers.%lld.", (long long)i);
    clip_layer_t l = {
        .norm1 = read_norm(r, prefix, "layer_norm1"),
        .norm2 = read_norm(r, prefix, "layer_norm2"),
        .qkv = read_linear(r, prefix, 3, qkv, d, d),
        .out = read_linear(r, prefix, 1, out, d, d),
        .fc1 = read_linear(r, prefix, 1, fc1, wide, d),
        .fc2 = read_linear(r, prefix, 1, fc2, d, wide),
    };
    free(prefix);
    return l;
}

static clip_weights_t read_weights(reader_t *r)
{
    const clip_config_t *c = r->config;
    const int64_t d = c->hidden_size, p = c->patch_size, patch = CLIP_CHANNELS * p * p;
    clip_weights_t w = {.patch = operand_new(r, d * patch), .layers = NEW_ARRAY(clip_layer_t, c->num_hidden_layers)};
    float *conv = read_tensor(r, "vision_model.embeddings.patch_embedding.weight", 4, (int64_t[]){d, CLIP_CHANNELS, p, p});
    pack(r, conv, d * patch, w.patch, 0);
    w.class_token = read_vector(r, "embeddings.", "class_embedding", d);
    w.position = read_tensor(r, "vision_model.embeddings.position_embedding.weight", 2, (int64_t[]){clip_tokens(c), d});
    w.pre = read_norm(r, "", "pre_layrnorm"); /* the published spelling */
    w.post = read_norm(r, "", "post_layernorm");
    for (int64_t i = 0; i < c->num_hidden_layers; i++) w.layers[i] = read_layer(r, i);
    return w;
}

clip_weights_t clip_read_weights(const char *folder, const clip_config_t *c, const backend_t *b, XXH3_state_t *digest)
{
    reader_t r = {store_open(folder, digest), c, b, true};
    clip_weights_t none = read_weights(&r);
    clip_weights_free(&none, c);
    r.check_only = false;
    clip_weights_t w = read_weights(&r);
    store_close(&r.store);
    return w;
}

static void free_norm(clip_norm_t *n)
{
    free(n->gain);
    free(n->bias);
}

static void free_linear(clip_linear_t *l)
{
    free(l->weight);
    free(l->bias);
}

void clip_weights_free(clip_weights_t *w, const clip_config_t *c)
{
    for (int64_t i = 0; i < c->num_hidden_layers; i++) {
        clip_layer_t *l = &w->layers[i];
        free_norm(&l->norm1);
        free_norm(&l->norm2);
        free_linear(&l->qkv);
        free_linear(&l->out);
        free_linear(&l->fc1);
        free_linear(&l->fc2);
    }
    free(w->layers);
    free(w->patch);
    free(w->class_token);
    free(w->position);
    free_norm(&w->pre);
    free_norm(&w->post);
}
