#include "vision/clip.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/digest.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "nn/attention.h"
#include "vision/clip_weights.h"
#include "vision/resample.h"

/* Rows of a product at which OpenBLAS is near its best and the caches still hold the states; pixels that a group may have. */
enum { BATCH_ROWS = 400, BATCH_PIXELS = 1 << 22 };

/* One worker's states: rows of a group of pictures, picture after picture. */
typedef struct {
    float *x, *y, *qkv, *wide, *scores;
    operand_t *in, *wide_in;
} scratch_t;

struct clip {
    clip_config_t config;
    clip_pixels_t pixels;
    clip_weights_t *weights;
    const backend_t *backend;
    char *digest;
    float value[CLIP_CHANNELS][256]; /* what each pixel value becomes */
    attention_shape_t attention;
    int64_t tokens, batch;
    scratch_t *scratch;              /* [workers] */
    int workers;
};

/* As transformers does it: rescaled in double, normalised in float. */
static void fill_values(clip_t *c)
{
    for (int ch = 0; ch < CLIP_CHANNELS; ch++)
        for (int v = 0; v < 256; v++)
            c->value[ch][v] = ((float)(v * c->pixels.rescale) - (float)c->pixels.mean[ch]) / (float)c->pixels.deviation[ch];
}

clip_t *clip_open(const char *folder, const backend_t *backend)
{
    clip_t *c = NEW(clip_t);
    XXH3_state_t *state = XXH3_createState();
    XXH3_128bits_reset(state);
    c->backend = backend;
    c->config = clip_read_config(folder, state);
    c->pixels = clip_read_pixels(folder, &c->config, state);
    c->weights = clip_weights_read(folder, &c->config, backend, state);
    c->digest = digest_hex(XXH3_128bits_digest(state));
    XXH3_freeState(state);
    fill_values(c);
    const int heads = (int)c->config.num_attention_heads;
    c->attention = (attention_shape_t){heads, heads, c->config.hidden_size / heads};
    c->tokens = clip_tokens(&c->config);
    c->batch = (BATCH_ROWS + c->tokens - 1) / c->tokens;
    const int64_t most = BATCH_PIXELS / (c->config.image_size * c->config.image_size);
    if (c->batch > most) c->batch = most;
    return c;
}

static void drop_scratch(clip_t *c)
{
    for (int i = 0; i < c->workers; i++) {
        scratch_t *s = &c->scratch[i];
        free(s->x);
        free(s->y);
        free(s->qkv);
        free(s->wide);
        free(s->scores);
        free(s->in);
        free(s->wide_in);
    }
    free(c->scratch);
}

void clip_free(clip_t *c)
{
    if (!c) return;
    drop_scratch(c);
    clip_weights_free(c->weights);
    free(c->digest);
    free(c);
}

const clip_config_t *clip_config(const clip_t *c) { return &c->config; }
const clip_pixels_t *clip_pixels(const clip_t *c) { return &c->pixels; }
const char *clip_digest(const clip_t *c) { return c->digest; }
int64_t clip_batch(const clip_t *c) { return c->batch; }

void clip_crop(const clip_pixels_t *p, const uint8_t *rgb, int64_t width, int64_t height, uint8_t *out)
{
    int64_t w = p->width, h = p->height;
    if (p->shortest) {
        w = width <= height ? p->shortest : p->shortest * width / height;
        h = width <= height ? p->shortest * height / width : p->shortest;
    }
    resample_bicubic(rgb, width, height, w, h, (resample_window_t){(w - p->crop) / 2, (h - p->crop) / 2, p->crop, p->crop}, out);
}

static scratch_t scratch_new(const clip_t *c)
{
    const int64_t d = c->config.hidden_size, wide = c->config.intermediate_size, p = c->config.patch_size;
    const int64_t rows = round_rows(c->backend, c->batch * c->tokens);
    const int64_t patch = CLIP_CHANNELS * p * p, in = patch > d ? patch : d;
    return (scratch_t){
        .x = xfloats((size_t)(rows * d)),
        .y = xfloats((size_t)(rows * d)),
        .qkv = xfloats((size_t)(rows * 3 * d)),
        .wide = xfloats((size_t)(rows * (wide > patch ? wide : patch))),
        .scores = xfloats((size_t)attention_full_scratch(c->tokens)),
        .in = xfloats((size_t)(rows * in)),
        .wide_in = xfloats((size_t)(rows * wide)),
    };
}

/* Allocates every worker's states before the work starts. */
static void ensure_scratch(clip_t *c)
{
    int workers = parallel_workers();
    if (workers == c->workers) return;
    drop_scratch(c);
    c->scratch = NEW_ARRAY(scratch_t, workers);
    c->workers = workers;
    for (int i = 0; i < workers; i++) c->scratch[i] = scratch_new(c);
}

/* y = in W^T, with `rows` to each picture of a whole group even where the last group has fewer: products of another size may take
 * other kernels, which are made anew or sum in another order. What the rows beyond hold does not matter. */
static void multiply(const clip_t *c, int64_t rows, const linear_t *l, const operand_t *in, float *y)
{
    linear_forward(l, &c->weights->operands, round_rows(c->backend, rows * c->batch), in, y, NULL);
}

/* Normalises rows of x into either or both of `packed` and y. */
static void normalise(const clip_t *c, const clip_norm_t *n, int64_t rows, const float *x, operand_t *packed, float *y)
{
    layernorm_forward(c->backend, rows, c->config.hidden_size, (float)c->config.layer_norm_eps, x, clip_vector(c->weights, n->gain),
                      clip_vector(c->weights, n->bias), packed, y);
}

/* One patch of a crop: values [3, patch, patch]. */
static void read_patch(const clip_t *c, const uint8_t *corner, float *values)
{
    const int64_t p = c->config.patch_size, stride = c->pixels.crop * CLIP_CHANNELS;
    for (int ch = 0; ch < CLIP_CHANNELS; ch++)
        for (int64_t y = 0; y < p; y++)
            for (int64_t x = 0; x < p; x++) *values++ = c->value[ch][corner[y * stride + x * CLIP_CHANNELS + ch]];
}

/* x = class token and patches, each times its matrix, plus positions; normalised. */
static void embed_patches(const clip_t *c, scratch_t *s, int64_t pictures, const uint8_t *crops)
{
    const int64_t d = c->config.hidden_size, p = c->config.patch_size, patch = CLIP_CHANNELS * p * p;
    const int64_t side = c->config.image_size / p, patches = side * side, crop = c->pixels.crop;
    for (int64_t i = 0; i < pictures; i++)
        for (int64_t k = 0; k < patches; k++) {
            const uint8_t *corner = crops + ((i * crop + k / side * p) * crop + k % side * p) * CLIP_CHANNELS;
            read_patch(c, corner, s->wide + (i * patches + k) * patch);
        }
    c->backend->pack(s->wide, pictures * patches * patch, s->in);
    multiply(c, patches, &c->weights->patch, s->in, s->y);
    const float *class_token = clip_vector(c->weights, c->weights->class_token);
    const float *position = clip_vector(c->weights, c->weights->position);
    for (int64_t i = 0; i < pictures; i++)
        for (int64_t t = 0; t < c->tokens; t++) {
            const float *from = t ? s->y + (i * patches + t - 1) * d : class_token, *at = position + t * d;
            float *x = s->x + (i * c->tokens + t) * d;
            for (int64_t j = 0; j < d; j++) x[j] = from[j] + at[j];
        }
    normalise(c, &c->weights->pre, pictures * c->tokens, s->x, NULL, s->x);
}

/* Attention of the first `queries` tokens of each picture to all its tokens; s->y holds queries rows a picture. */
static void attend(const clip_t *c, scratch_t *s, const clip_layer_t *l, int64_t pictures, int64_t queries)
{
    const int64_t d = c->config.hidden_size, rows = pictures * c->tokens;
    normalise(c, &l->norm1, rows, s->x, s->in, NULL);
    multiply(c, c->tokens, &l->qkv.product, s->in, s->qkv);
    bias_forward(rows, 3 * d, clip_vector(c->weights, l->qkv.bias), NULL, s->qkv);
    for (int64_t i = 0; i < pictures; i++)
        attention_full_forward(c->attention, queries, c->tokens, s->qkv + i * c->tokens * 3 * d, s->y + i * queries * d, s->scores);
    c->backend->pack(s->y, pictures * queries * d, s->in);
    multiply(c, queries, &l->out.product, s->in, s->y);
}

/* Sends the same tokens through the two linear layers. */
static void feed_forward(const clip_t *c, scratch_t *s, const clip_layer_t *l, int64_t pictures, int64_t queries)
{
    const int64_t d = c->config.hidden_size, wide = c->config.intermediate_size, rows = pictures * queries;
    normalise(c, &l->norm2, rows, s->x, s->in, NULL);
    multiply(c, queries, &l->fc1.product, s->in, s->wide);
    bias_activation_forward(c->backend, c->config.hidden_act, rows, wide, clip_vector(c->weights, l->fc1.bias), s->wide, s->wide_in);
    multiply(c, queries, &l->fc2.product, s->wide_in, s->y);
    bias_forward(rows, d, clip_vector(c->weights, l->fc2.bias), s->y, s->x);
}

/* Runs the tower over up to one batch. Computes the last layer for the class tokens only: nothing else of it is asked for. */
static void forward(const clip_t *c, scratch_t *s, int64_t pictures, const uint8_t *crops, float *pooled)
{
    const int64_t d = c->config.hidden_size, layers = c->config.num_hidden_layers;
    embed_patches(c, s, pictures, crops);
    for (int64_t i = 0; i < layers; i++) {
        const clip_layer_t *l = &c->weights->layers[i];
        const int64_t queries = i + 1 < layers ? c->tokens : 1;
        attend(c, s, l, pictures, queries);
        if (queries == 1)
            for (int64_t j = 1; j < pictures; j++) memmove(s->x + j * d, s->x + j * c->tokens * d, (size_t)d * sizeof(float));
        bias_forward(pictures * queries, d, clip_vector(c->weights, l->out.bias), s->y, s->x);
        feed_forward(c, s, l, pictures, queries);
    }
    normalise(c, &c->weights->post, pictures, s->x, NULL, pooled);
}

typedef struct {
    const clip_t *clip;
    int64_t pictures;
    const uint8_t *crops;
    float *pooled;
} job_t;

static void run_group(void *ctx, int64_t group, int worker)
{
    const job_t *j = ctx;
    const clip_t *c = j->clip;
    const int64_t first = group * c->batch, left = j->pictures - first, crop = c->pixels.crop * c->pixels.crop * CLIP_CHANNELS;
    forward(c, &c->scratch[worker], left < c->batch ? left : c->batch, j->crops + first * crop, j->pooled + first * c->config.hidden_size);
}

void clip_pool(clip_t *c, int64_t pictures, const uint8_t *crops, float *pooled)
{
    ensure_scratch(c);
    job_t job = {c, pictures, crops, pooled};
    parallel_for((pictures + c->batch - 1) / c->batch, run_group, &job);
}
