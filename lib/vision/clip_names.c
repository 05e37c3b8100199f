#include "vision/clip_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

static const clip_scheme_t schemes[] = {
    {.patch = "embeddings.patch_embedding.weight", .class_token = "embeddings.class_embedding",
     .position = "embeddings.position_embedding.weight", .pre = "pre_layrnorm" /* the published spelling */, .post = "post_layernorm",
     .layers = "encoder.layers.", .norm1 = "layer_norm1", .norm2 = "layer_norm2", .out = "self_attn.out_proj", .fc1 = "mlp.fc1",
     .fc2 = "mlp.fc2", .qkv = {"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj"}, .weight = ".weight", .bias = ".bias"},
    {.patch = "conv1.weight", .class_token = "class_embedding", .position = "positional_embedding", .pre = "ln_pre", .post = "ln_post",
     .layers = "transformer.resblocks.", .norm1 = "ln_1", .norm2 = "ln_2", .out = "attn.out_proj", .fc1 = "mlp.c_fc", .fc2 = "mlp.c_proj",
     .qkv = {"attn.in_proj"}, .weight = "_weight", .bias = "_bias"},
};

typedef struct {
    const char *const *names;
    int count;
} list_t;

static bool has(const list_t *l, const char *name)
{
    for (int i = 0; i < l->count; i++)
        if (!strcmp(l->names[i], name)) return true;
    return false;
}

static bool has_part(const list_t *l, const char *part)
{
    for (int i = 0; i < l->count; i++)
        if (strstr(l->names[i], part)) return true;
    return false;
}

/* What stands before `tail` in a name that ends with it; NULL: it does not. Caller frees. */
static char *before(const char *name, const char *tail)
{
    size_t n = strlen(name), t = strlen(tail);
    bool whole = n == t || (n > t && name[n - t - 1] == '.');
    return n >= t && whole && !strcmp(name + n - t, tail) ? xstrndup(name, n - t) : NULL;
}

char *clip_name(const clip_names_t *n, const char *piece, const char *tail) { return xasprintf("%s%s%s", n->prefix, piece, tail); }

/* True if a prefix stands before all that only a vision tower of CLIP's has. */
static bool is_tower(const list_t *l, const clip_names_t *n)
{
    char *token = clip_name(n, n->scheme->class_token, ""), *pre = clip_name(n, n->scheme->pre, ".weight");
    bool both = has(l, token) && has(l, pre);
    free(token);
    free(pre);
    return both;
}

/* Says what the tensors are of, as far as their names tell. */
static _Noreturn void refuse(const list_t *l, const char *file)
{
    static const struct { const char *part, *what; } others[] = {
        {"vision_model.head.", "SigLIP's vision tower, which has no class token"}, {"visual.trunk.", "a tower of timm's"},
        {"visual.attn_pool.", "a tower with attention pooling"}, {"visual.blocks.", "EVA's vision tower"},
        {"visual.layer1.", "CLIP's ResNet, which is no Vision Transformer"}, {"text_model.", "a text tower"},
        {"patch_embedding.weight", "a vision tower without what CLIP's has"},
    };
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (has_part(l, others[i].part)) die_at(file, 0, "the tensors are those of %s, expected CLIP's vision tower", others[i].what);
    const char *first = l->count ? l->names[0] : NULL;
    die_at(file, 0, "no tensors of CLIP's vision tower, expected such as 'vision_model.embeddings.class_embedding'%s%.100s%s", first ? "; the first is '" : "",
           first ? first : "", first ? "'" : "");
}

clip_names_t clip_names_find(const char *const *names, int count, const char *file)
{
    const list_t l = {names, count};
    clip_names_t found = {0};
    for (int i = 0; i < count; i++)
        for (size_t s = 0; s < sizeof schemes / sizeof *schemes; s++) {
            const clip_names_t n = {&schemes[s], before(names[i], schemes[s].patch)};
            if (!n.prefix) continue;
            bool tower = is_tower(&l, &n);
            if (tower && found.prefix) die_at(file, 0, "two towers, of '%s' and of '%s', expected one", found.prefix, n.prefix);
            if (tower) found = n;
            else free(n.prefix);
        }
    if (!found.prefix) refuse(&l, file);
    if (has_part(&l, ".ls_1.")) die_at(file, 0, "the tensors are those of a tower with LayerScale, expected CLIP's");
    return found;
}
