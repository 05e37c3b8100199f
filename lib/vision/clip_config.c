#include "vision/clip_config.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <xxhash.h>

#include "base/err.h"
#include "base/mem.h"
#include "nn/folder_json.h"

/* Bounds on what a folder may ask for: far above the largest towers published, low enough that sizes cannot overflow. */
enum { MAX_WIDTH = 1 << 14, MAX_INTERMEDIATE = 1 << 16, MAX_LAYERS = 512, MAX_IMAGE = 2048, MAX_PATCH = 128, MAX_SIDE = 64, MAX_RESIZE = 4096 };

/* An object of a JSON file. */
typedef struct {
    const char *file, *name; /* the object's key, for messages; NULL: the whole file */
    const cJSON *json;
} object_t;

static _Noreturn void bad_key(object_t o, const char *key, const char *expected)
{
    die_at(o.file, 0, "\"%s%s%s\": expected %s", o.name ? o.name : "", o.name ? "." : "", key, expected);
}

/* The same, with what is there; NULL: nothing. */
static _Noreturn void bad_value(object_t o, const char *key, const char *expected, const cJSON *v)
{
    char *text = v ? cJSON_PrintUnformatted(v) : NULL;
    bad_key(o, key, text ? xasprintf("%s, not %.60s", expected, text) : expected);
}

/* The member; NULL where it is missing or null. */
static const cJSON *member(object_t o, const char *key)
{
    const cJSON *v = cJSON_GetObjectItemCaseSensitive(o.json, key);
    return cJSON_IsNull(v) ? NULL : v;
}

/* A whole number in [low, high], which `v` must be. */
static int64_t as_whole(object_t o, const char *key, const cJSON *v, int64_t low, int64_t high)
{
    double d = cJSON_IsNumber(v) ? v->valuedouble : NAN;
    if (!(d >= (double)low && d <= (double)high) || d != floor(d)) {
        char *expected = xasprintf("a whole number from %lld to %lld", (long long)low, (long long)high);
        bad_key(o, key, expected);
    }
    return (int64_t)d;
}

static int64_t whole(object_t o, const char *key, int64_t missing, int64_t high)
{
    const cJSON *v = member(o, key);
    return v ? as_whole(o, key, v, 1, high) : missing;
}

static double real(object_t o, const char *key, double missing)
{
    const cJSON *v = member(o, key);
    if (!v) return missing;
    if (!cJSON_IsNumber(v) || !(v->valuedouble > 0 && v->valuedouble <= 1)) bad_key(o, key, "a number above 0 and up to 1");
    return v->valuedouble;
}

static bool flag(object_t o, const char *key)
{
    const cJSON *v = member(o, key);
    if (v && !cJSON_IsBool(v)) bad_key(o, key, "true or false");
    return !v || cJSON_IsTrue(v);
}

static activation_t read_activation(object_t o)
{
    const cJSON *v = member(o, "hidden_act");
    if (!v) return ACT_QUICK_GELU;
    if (cJSON_IsString(v) && !strcmp(v->valuestring, "quick_gelu")) return ACT_QUICK_GELU;
    if (cJSON_IsString(v) && !strcmp(v->valuestring, "gelu")) return ACT_GELU;
    bad_key(o, "hidden_act", "\"quick_gelu\" or \"gelu\"");
}

/* Where the tower's keys are: under vision_config in a CLIPModel folder, at the top in one with the tower alone. */
static object_t vision_object(object_t file)
{
    const cJSON *vision = member(file, "vision_config"), *type = member(file, "model_type");
    if (type && (!cJSON_IsString(type) || (strcmp(type->valuestring, "clip") && strcmp(type->valuestring, "clip_vision_model"))))
        bad_value(file, "model_type", "\"clip\" or \"clip_vision_model\"", type);
    if (!vision && type && !strcmp(type->valuestring, "clip_vision_model")) return file;
    if (!cJSON_IsObject(vision)) bad_key(file, "vision_config", "an object, or \"model_type\": \"clip_vision_model\"");
    return (object_t){file.file, "vision_config", vision};
}

/* What the tower can be, whoever says it. */
static void check_shape(object_t o, const clip_config_t *c, const char *heads, const char *patch)
{
    if (c->hidden_size % c->num_attention_heads) bad_key(o, heads, "a number that divides hidden_size");
    if (c->patch_size > c->image_size) bad_key(o, patch, "image_size at most");
    if (c->image_size / c->patch_size > MAX_SIDE) bad_key(o, patch, "at most 64 patches a side");
}

/* --- open_clip's folders ----------------------------------------------------------------------------------------------- */

static object_t inner(object_t o, const char *key)
{
    const cJSON *v = member(o, key);
    if (!cJSON_IsObject(v)) bad_key(o, key, "an object");
    return (object_t){o.file, key, v};
}

/* Refuses what makes a tower another one than CLIP's. */
static void check_tower(object_t vision)
{
    static const char *const others[] = {"timm_model_name", "timm_model_pretrained", "attentional_pool", "no_ln_pre", "ls_init_value",
                                         "pos_embed_type", "act_kwargs", "norm_kwargs", "patch_dropout", "block_type", "qk_norm"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        const cJSON *v = member(vision, others[i]);
        bool off = !v || cJSON_IsFalse(v) || (cJSON_IsNumber(v) && v->valuedouble == 0) || (cJSON_IsString(v) && !strcmp(v->valuestring, "learnable"));
        if (!off) bad_value(vision, others[i], "none, as CLIP's own tower has it", v);
    }
    const cJSON *pool = member(vision, "pool_type");
    if (pool && (!cJSON_IsString(pool) || strcmp(pool->valuestring, "tok") != 0)) bad_value(vision, "pool_type", "\"tok\"", pool);
}

static double ratio(object_t o, const char *key, double missing)
{
    const cJSON *v = member(o, key);
    if (!v) return missing;
    if (!cJSON_IsNumber(v) || !(v->valuedouble > 0 && v->valuedouble <= 64)) bad_key(o, key, "a number above 0 and up to 64");
    return v->valuedouble;
}

/* What is left out has the value that open_clip's CLIPVisionCfg gives it. */
static clip_config_t read_open_clip(object_t file)
{
    object_t model = inner(file, "model_cfg"), o = inner(model, "vision_cfg");
    check_tower(o);
    clip_config_t c = {
        .hidden_size = whole(o, "width", 768, MAX_WIDTH),
        .num_hidden_layers = whole(o, "layers", 12, MAX_LAYERS),
        .image_size = whole(o, "image_size", 224, MAX_IMAGE),
        .patch_size = whole(o, "patch_size", 16, MAX_PATCH),
        .layer_norm_eps = 1e-5,
        .hidden_act = member(model, "quick_gelu") && flag(model, "quick_gelu") ? ACT_QUICK_GELU : ACT_GELU,
    };
    const int64_t head = whole(o, "head_width", 64, MAX_WIDTH);
    if (c.hidden_size % head) bad_key(o, "head_width", "a number that divides width");
    c.num_attention_heads = c.hidden_size / head;
    c.intermediate_size = (int64_t)((double)c.hidden_size * ratio(o, "mlp_ratio", 4));
    if (c.intermediate_size < 1 || c.intermediate_size > MAX_INTERMEDIATE) bad_key(o, "mlp_ratio", "less, or more");
    check_shape(o, &c, "head_width", "patch_size");
    return c;
}

bool clip_is_open_clip(const char *folder)
{
    char *own = xasprintf("%s/open_clip_config.json", folder), *other = xasprintf("%s/config.json", folder);
    bool is = access(other, F_OK) && !access(own, F_OK);
    free(own);
    free(other);
    return is;
}

/* --- Hugging Face's folders -------------------------------------------------------------------------------------------- */

/* What is left out has the value that transformers' CLIPVisionConfig gives it: its files leave out what is as there. */
static clip_config_t read_hugging_face(object_t file)
{
    object_t o = vision_object(file);
    clip_config_t c = {
        .hidden_size = whole(o, "hidden_size", 768, MAX_WIDTH),
        .intermediate_size = whole(o, "intermediate_size", 3072, MAX_INTERMEDIATE),
        .num_hidden_layers = whole(o, "num_hidden_layers", 12, MAX_LAYERS),
        .num_attention_heads = whole(o, "num_attention_heads", 12, MAX_WIDTH),
        .image_size = whole(o, "image_size", 224, MAX_IMAGE),
        .patch_size = whole(o, "patch_size", 32, MAX_PATCH),
        .layer_norm_eps = real(o, "layer_norm_eps", 1e-5),
        .hidden_act = read_activation(o),
    };
    if (whole(o, "num_channels", CLIP_CHANNELS, CLIP_CHANNELS) != CLIP_CHANNELS) bad_key(o, "num_channels", "3");
    check_shape(o, &c, "num_attention_heads", "patch_size");
    return c;
}

/* --- Either ------------------------------------------------------------------------------------------------------------ */

clip_config_t clip_read_config(const char *folder, XXH3_state_t *digest)
{
    bool open_clip = clip_is_open_clip(folder);
    char *path = xasprintf("%s/%s", folder, open_clip ? "open_clip_config.json" : "config.json");
    cJSON *json = folder_json(path, digest);
    object_t file = {path, NULL, json};
    clip_config_t c = open_clip ? read_open_clip(file) : read_hugging_face(file);
    cJSON_Delete(json);
    free(path);
    return c;
}

/* --- What becomes of pictures ------------------------------------------------------------------------------------------ */

static void read_triple(object_t o, const char *key, bool positive, double out[CLIP_CHANNELS])
{
    const cJSON *v = member(o, key);
    if (!v) return;
    if (!cJSON_IsArray(v) || cJSON_GetArraySize(v) != CLIP_CHANNELS) bad_key(o, key, "three numbers");
    const cJSON *item = v->child;
    for (int i = 0; i < CLIP_CHANNELS; i++, item = item->next) {
        double d = cJSON_IsNumber(item) ? item->valuedouble : NAN;
        if (!(fabs(d) <= 1000) || (positive && d < 1e-6))
            bad_key(o, key, positive ? "three numbers above 0" : "three numbers");
        out[i] = d;
    }
}

/* "size": a number or {"shortest_edge"}: the shorter side; or {"height", "width"}. */
static void read_size(object_t o, clip_pixels_t *p)
{
    const cJSON *v = member(o, "size");
    if (!v) return;
    if (cJSON_IsNumber(v)) {
        p->shortest = as_whole(o, "size", v, 1, MAX_RESIZE);
        return;
    }
    object_t size = {o.file, "size", v};
    if (member(size, "shortest_edge")) {
        p->shortest = whole(size, "shortest_edge", 0, MAX_RESIZE);
    } else if (member(size, "height") && member(size, "width")) {
        p->shortest = 0;
        p->height = whole(size, "height", 0, MAX_RESIZE);
        p->width = whole(size, "width", 0, MAX_RESIZE);
    } else {
        bad_key(o, "size", "a number, {\"shortest_edge\"} or {\"height\", \"width\"}");
    }
}

/* "crop_size": a number or {"height", "width"}, which must give the square that the tower takes. */
static void check_crop(object_t o, int64_t side)
{
    const cJSON *v = member(o, "crop_size");
    if (!v) return;
    object_t size = {o.file, "crop_size", v};
    int64_t height = cJSON_IsNumber(v) ? as_whole(o, "crop_size", v, 1, MAX_IMAGE) : whole(size, "height", 0, MAX_IMAGE);
    int64_t width = cJSON_IsNumber(v) ? height : whole(size, "width", 0, MAX_IMAGE);
    if (height == side && width == side) return;
    char *expected = xasprintf("%lld x %lld, the tower's image_size", (long long)side, (long long)side);
    bad_key(o, "crop_size", expected);
}

static void read_preprocessor(object_t o, clip_pixels_t *p)
{
    enum { BICUBIC = 3 }; /* Pillow's number */
    if (!flag(o, "do_resize")) bad_key(o, "do_resize", "true");
    if (!flag(o, "do_center_crop")) bad_key(o, "do_center_crop", "true");
    if (whole(o, "resample", BICUBIC, 5) != BICUBIC) bad_key(o, "resample", "3, which is bicubic");
    read_size(o, p);
    check_crop(o, p->crop);
    if ((p->shortest ? p->shortest : p->height < p->width ? p->height : p->width) < p->crop)
        bad_key(o, "size", "at least the size of the crop");
    p->rescale = flag(o, "do_rescale") ? real(o, "rescale_factor", p->rescale) : 1;
    if (flag(o, "do_normalize")) {
        read_triple(o, "image_mean", false, p->mean);
        read_triple(o, "image_std", true, p->deviation);
    } else {
        for (int i = 0; i < CLIP_CHANNELS; i++) p->mean[i] = 0, p->deviation[i] = 1;
    }
}

/* The processors whose own values stand for what a file leaves out are CLIP's; others must say everything that makes a difference. */
static void check_kind(object_t o)
{
    static const char *const clips[] = {"CLIPImageProcessor", "CLIPImageProcessorFast", "CLIPFeatureExtractor"};
    static const char *const keys[] = {"do_resize", "size", "resample", "do_center_crop", "crop_size", "do_rescale", "rescale_factor",
                                       "do_normalize", "image_mean", "image_std"};
    const cJSON *type = member(o, "image_processor_type");
    if (!type) type = member(o, "feature_extractor_type");
    for (size_t i = 0; i < sizeof clips / sizeof *clips; i++)
        if (cJSON_IsString(type) && !strcmp(type->valuestring, clips[i])) return;
    for (size_t i = 0; i < sizeof keys / sizeof *keys; i++)
        if (!member(o, keys[i])) bad_value(o, type ? type->string : "image_processor_type", "\"CLIPImageProcessor\", or all that it does", type);
}

/* Of open_clip: mean and deviation, and two ways that must be CLIP's. */
static void read_preprocess_cfg(object_t file, clip_pixels_t *p)
{
    object_t o = inner(file, "preprocess_cfg");
    const cJSON *way = member(o, "interpolation"), *mode = member(o, "resize_mode");
    if (way && (!cJSON_IsString(way) || strcmp(way->valuestring, "bicubic") != 0)) bad_value(o, "interpolation", "\"bicubic\"", way);
    if (mode && (!cJSON_IsString(mode) || strcmp(mode->valuestring, "shortest") != 0)) bad_value(o, "resize_mode", "\"shortest\"", mode);
    if (!member(o, "mean") || !member(o, "std")) bad_key(o, member(o, "mean") ? "std" : "mean", "three numbers");
    read_triple(o, "mean", false, p->mean);
    read_triple(o, "std", true, p->deviation);
}

/* Opens the file that says it: `*o` is where in it. NULL: the folder has none. Caller frees. */
static cJSON *open_preprocessor(const char *folder, XXH3_state_t *digest, object_t *o, char **path)
{
    *path = xasprintf("%s/preprocessor_config.json", folder);
    if (!access(*path, F_OK)) {
        cJSON *json = folder_json(*path, digest);
        *o = (object_t){*path, NULL, json};
        return json;
    }
    free(*path);
    *path = xasprintf("%s/processor_config.json", folder);
    if (access(*path, F_OK)) return NULL;
    cJSON *json = folder_json(*path, digest);
    if (!member((object_t){*path, NULL, json}, "image_processor")) return NULL; /* it speaks of other things */
    *o = inner((object_t){*path, NULL, json}, "image_processor");
    return json;
}

clip_pixels_t clip_read_pixels(const char *folder, const clip_config_t *c, XXH3_state_t *digest)
{
    /* The mean and deviation of the pictures that CLIP was trained on, which its processor has for what is left out. */
    clip_pixels_t p = {.shortest = c->image_size, .crop = c->image_size, .rescale = 1 / 255.0,
                       .mean = {0.48145466, 0.4578275, 0.40821073}, .deviation = {0.26862954, 0.26130258, 0.27577711}};
    object_t o;
    char *path;
    cJSON *json;
    if (clip_is_open_clip(folder)) {
        path = xasprintf("%s/open_clip_config.json", folder);
        json = folder_json(path, digest);
        read_preprocess_cfg((object_t){path, NULL, json}, &p);
    } else {
        json = open_preprocessor(folder, digest, &o, &path);
        if (!json)
            die(EX_NOINPUT, "%s: neither preprocessor_config.json nor processor_config.json says what becomes of a picture", folder);
        check_kind(o);
        read_preprocessor(o, &p);
    }
    cJSON_Delete(json);
    free(path);
    return p;
}
