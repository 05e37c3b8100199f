/* CLIP's preprocessing against Pillow, and its tower against PyTorch on weights that a formula gives; tests/torch/golden_clip.py
 * makes golden_clip.h from the same formulas. */
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/parallel.h"
#include "bf16.h"
#include "data/st.h"
#include "golden_clip.h"
#include "unit.h"
#include "vision/clip.h"
#include "vision/image_clip.h"
#include "vision/resample.h"

#define LENGTH(a) ((int64_t)(sizeof(a) / sizeof *(a)))

enum { D = 8, WIDE = 12, LAYERS = 2, SIDE = 8, PATCH = 4, CROP = SIDE * SIDE * 3 };

static uint8_t *picture(int64_t width, int64_t height)
{
    uint8_t *rgb = xmalloc((size_t)(width * height * 3)), *p = rgb;
    for (int64_t y = 0; y < height; y++)
        for (int64_t x = 0; x < width; x++)
            for (int64_t c = 0; c < 3; c++) *p++ = (uint8_t)((x * x * 7 + y * 13 + c * 101 + x * y * 3) ^ (x * 5 + y * y * 11));
    return rgb;
}

static uint64_t fnv1a(const uint8_t *bytes, int64_t n)
{
    uint64_t h = 14695981039346656037u;
    for (int64_t i = 0; i < n; i++) h = (h ^ bytes[i]) * 1099511628211u;
    return h;
}

TEST(resizing_is_pillows)
{
    for (int64_t i = 0; i < LENGTH(golden_resized); i++) {
        const int64_t width = golden_resized[i].width, height = golden_resized[i].height;
        const int64_t w = golden_resized[i].to_width, h = golden_resized[i].to_height;
        uint8_t *from = picture(width, height), *to = xmalloc((size_t)(w * h * 3));
        resample_bicubic(from, width, height, w, h, (resample_window_t){0, 0, w, h}, to);
        CHECK(fnv1a(to, w * h * 3) == golden_resized[i].hash);
        if (i == 1) CHECK(!memcmp(to, golden_pixels, sizeof golden_pixels));
        free(from);
        free(to);
    }
}

TEST(a_window_is_a_part)
{
    uint8_t *from = picture(50, 31), whole[23 * 40 * 3], part[5 * 9 * 3];
    resample_bicubic(from, 50, 31, 23, 40, (resample_window_t){0, 0, 23, 40}, whole);
    resample_bicubic(from, 50, 31, 23, 40, (resample_window_t){17, 30, 5, 9}, part);
    for (int y = 0; y < 9; y++) CHECK(!memcmp(part + y * 15, whole + ((30 + y) * 23 + 17) * 3, 15));
    free(from);
}

/* Far longer than wide: only the window is computed, not the millions of pixels around it. */
TEST(a_strip)
{
    const int64_t n = 1 << 20;
    uint8_t *from = xmalloc((size_t)n * 3), out[CROP];
    for (int64_t i = 0; i < n * 3; i++) from[i] = (uint8_t)(i / 3 == n / 2 ? 255 : 7);
    const clip_pixels_t p = {.shortest = SIDE, .crop = SIDE};
    clip_crop(&p, from, n, 1, out);
    CHECK(out[0] != out[CROP - 1]); /* the one bright pixel, in the middle */
    clip_crop(&p, from, 1, n, out);
    CHECK(out[0] != out[CROP - 1]);
    free(from);
}

static char folder[64], model_path[96], config_path[96], preprocessor_path[96];

static void write_text(const char *path, const char *text)
{
    FILE *f = fopen(path, "w");
    fputs(text, f);
    fclose(f);
}

static void write_config(const char *text) { write_text(config_path, text); }

typedef struct {
    st_writer_t *file;
    float *values[64];
    int count;
} weights_t;

static void put(weights_t *w, const char *name, int dims, int64_t a, int64_t b, int64_t c, int64_t d)
{
    const int64_t shape[] = {a, b, c, d};
    int64_t n = 1;
    for (int i = 0; i < dims; i++) n *= shape[i];
    float *x = w->values[w->count] = xfloats((size_t)n);
    const char *tail = strrchr(name, '.');
    const bool gain = strstr(name, "norm") && !strcmp(tail, ".weight");
    for (int64_t j = 0; j < n; j++) {
        double wave = sin(0.7 * (double)j + w->count + 1);
        x[j] = (float)(dims > 1 ? 0.5 * wave : gain ? 1 + 0.2 * wave : 0.3 * wave);
    }
    w->count++;
    char *full = xasprintf("vision_model.%s", name);
    st_add(w->file, full, ST_F32, dims, shape, x);
    free(full);
}

static void put_norm(weights_t *w, const char *prefix, const char *name)
{
    char *gain = xasprintf("%s%s.weight", prefix, name), *bias = xasprintf("%s%s.bias", prefix, name);
    put(w, gain, 1, D, 0, 0, 0);
    put(w, bias, 1, D, 0, 0, 0);
    free(gain);
    free(bias);
}

static void put_linear(weights_t *w, const char *prefix, const char *name, int64_t out, int64_t in)
{
    char *weight = xasprintf("%s%s.weight", prefix, name), *bias = xasprintf("%s%s.bias", prefix, name);
    put(w, weight, 2, out, in, 0, 0);
    put(w, bias, 1, out, 0, 0, 0);
    free(weight);
    free(bias);
}

static void write_model(void)
{
    weights_t w = {.file = st_create(model_path, NULL)};
    put(&w, "embeddings.class_embedding", 1, D, 0, 0, 0);
    put(&w, "embeddings.patch_embedding.weight", 4, D, 3, PATCH, PATCH);
    put(&w, "embeddings.position_embedding.weight", 2, 5, D, 0, 0);
    put_norm(&w, "", "pre_layrnorm");
    put_norm(&w, "", "post_layernorm");
    for (int i = 0; i < LAYERS; i++) {
        char *prefix = xasprintf("encoder.layers.%d.", i);
        put_norm(&w, prefix, "layer_norm1");
        put_norm(&w, prefix, "layer_norm2");
        put_linear(&w, prefix, "self_attn.q_proj", D, D);
        put_linear(&w, prefix, "self_attn.k_proj", D, D);
        put_linear(&w, prefix, "self_attn.v_proj", D, D);
        put_linear(&w, prefix, "self_attn.out_proj", D, D);
        put_linear(&w, prefix, "mlp.fc1", WIDE, D);
        put_linear(&w, prefix, "mlp.fc2", D, WIDE);
        free(prefix);
    }
    st_commit(w.file);
    for (int i = 0; i < w.count; i++) free(w.values[i]);
}

static const char config_format[] = "{\"model_type\":\"clip_vision_model\",\"hidden_size\":8,\"intermediate_size\":12,\"image_size\":8,"
                                    "\"num_hidden_layers\":2,\"num_attention_heads\":2,\"patch_size\":4,\"hidden_act\":\"%s\"}";

static clip_t *open_with(const char *act, const backend_t *backend)
{
    char *config = xasprintf(config_format, act);
    write_config(config);
    free(config);
    return clip_open(folder, backend);
}

static clip_t *open_tower(const char *act) { return open_with(act, backend_open("f32")); }

static void check_pooled(clip_t *c, const double golden[][D], double tolerance)
{
    const int64_t n = LENGTH(golden_pictures);
    uint8_t crops[LENGTH(golden_pictures) * CROP];
    float pooled[LENGTH(golden_pictures) * D];
    for (int64_t i = 0; i < n; i++) {
        uint8_t *rgb = picture(golden_pictures[i][0], golden_pictures[i][1]);
        clip_crop(clip_pixels(c), rgb, golden_pictures[i][0], golden_pictures[i][1], crops + i * CROP);
        free(rgb);
    }
    clip_pool(c, n, crops, pooled);
    for (int64_t i = 0; i < n * D; i++) CHECK_NEAR(pooled[i], golden[i / D][i % D], tolerance);
    clip_free(c);
}

TEST(quick_gelu) { check_pooled(open_tower("quick_gelu"), golden_pooled_quick_gelu, 5e-6); }
TEST(gelu) { check_pooled(open_tower("gelu"), golden_pooled_gelu, 5e-6); }
TEST(operands_of_another_type) { check_pooled(open_with("gelu", &bf16_plain), golden_pooled_gelu, 0.05); }

/* Many pictures: threads make no difference, a group's other pictures none but rounding. */
TEST(groups_and_threads)
{
    enum { MANY = 333 };
    clip_t *c = open_tower("quick_gelu");
    uint8_t *crops = xmalloc((size_t)MANY * CROP);
    for (int64_t i = 0; i < (int64_t)MANY * CROP; i++) crops[i] = (uint8_t)(i * i % 251);
    float *one = xfloats((size_t)MANY * D), *two = xfloats((size_t)MANY * D), alone[D];
    CHECK(clip_batch(c) > 1 && MANY > 2 * clip_batch(c) && MANY % clip_batch(c));
    parallel_threads(1);
    clip_pool(c, MANY, crops, one);
    parallel_threads(2);
    clip_pool(c, MANY, crops, two);
    CHECK(!memcmp(one, two, (size_t)MANY * D * sizeof *one));
    clip_pool(c, 1, crops + 200 * CROP, alone);
    for (int i = 0; i < D; i++) CHECK_NEAR(alone[i], one[200 * D + i], 1e-6);
    free(one);
    free(two);
    free(crops);
    clip_free(c);
}

/* As an image engine: rows of length 1 that point where the pooled outputs do, zeros where there is no image. */
TEST(engine)
{
    clip_free(open_tower("gelu")); /* writes the config */
    image_engine_t *e = clip_engine(folder, backend_open("f32"));
    CHECK(e->descriptor_size == CROP);
    for (int64_t i = 0; i < 2 * LENGTH(golden_pictures); i++) {
        if (i % 2) {
            e->add(e, NULL);
            continue;
        }
        const int64_t *size = golden_pictures[i / 2];
        uint8_t *rgb = picture(size[0], size[1]);
        buf_t descriptor = {0};
        e->describe(e, rgb, (int)size[0], (int)size[1], &descriptor);
        CHECK(descriptor.len == CROP);
        e->add(e, descriptor.data);
        buf_free(&descriptor);
        free(rgb);
    }
    int64_t dim;
    float *x = e->finish(e, &dim);
    CHECK(dim == D);
    for (int64_t i = 0; i < 2 * LENGTH(golden_pictures); i++) {
        double length = 0, dot = 0, golden = 0;
        for (int64_t j = 0; j < D; j++) {
            double v = x[i * D + j], g = golden_pooled_gelu[i / 2][j];
            length += v * v;
            dot += v * g;
            golden += g * g;
        }
        CHECK_NEAR(length, i % 2 ? 0 : 1, 1e-6);
        CHECK_NEAR(dot, i % 2 ? 0 : sqrt(golden), 1e-5);
    }
    free(x);
    e->free(e);
}

static void open_it(void) { open_tower("quick_gelu"); }
static void open_relu(void) { open_tower("relu"); }
static void open_nothing(void) { clip_open("/nowhere", backend_open("f32")); }

TEST(refusals)
{
    CHECK(unit_exit_code(open_it) == 0);
    CHECK(unit_exit_code(open_relu) == EX_DATAERR);
    CHECK(unit_exit_code(open_nothing) == EX_NOINPUT);
}

static int finish(int status)
{
    unlink(config_path);
    unlink(preprocessor_path);
    unlink(model_path);
    rmdir(folder);
    return status;
}

int main(void)
{
    static const unit_test_t tests[] = {UNIT(resizing_is_pillows), UNIT(a_window_is_a_part), UNIT(a_strip), UNIT(quick_gelu), UNIT(gelu),
                                        UNIT(operands_of_another_type), UNIT(groups_and_threads), UNIT(engine), UNIT(refusals)};
    strcpy(folder, "/tmp/test_clip_XXXXXX");
    if (!mkdtemp(folder)) return 1;
    snprintf(model_path, sizeof model_path, "%s/model.safetensors", folder);
    snprintf(config_path, sizeof config_path, "%s/config.json", folder);
    snprintf(preprocessor_path, sizeof preprocessor_path, "%s/preprocessor_config.json", folder);
    write_text(preprocessor_path, "{\"image_processor_type\":\"CLIPImageProcessor\",\"size\":8,\"crop_size\":8}");
    write_model();
    return finish(unit_run(tests, LENGTH(tests)));
}
