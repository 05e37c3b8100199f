#include "sid/quantiser.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "matrix/kmeans.h"

enum { BLOCK = 256 /* rows that one step of a parallel pass takes */ };

static int64_t blocks(int64_t n) { return (n + BLOCK - 1) / BLOCK; }

/* Adds a network from `in` through `hidden` to `out`, or mirrored; the identity where there is none. */
static mlp_t add_network(quantiser_t *q, const quantiser_shape_t *s, const char *name, int64_t in, int64_t out, bool mirrored)
{
    int64_t width[MLP_MAX_LAYERS + 1] = {in};
    if (s->depth < 0 || !out) return mlp_add(&q->params, name, 0, width);
    for (int i = 0; i < s->depth; i++) width[1 + i] = s->hidden[mirrored ? s->depth - 1 - i : i];
    width[s->depth + 1] = out;
    return mlp_add(&q->params, name, s->depth + 1, width);
}

static int add_codebook(quantiser_t *q)
{
    return params_add(&q->params, (param_t){.name = xstrdup("codebook"), .rows = (int64_t)q->levels * q->codes, .cols = q->latent,
                                            .dims = 3, .shape = {q->levels, q->codes, q->latent}});
}

/* Keeps the blocks in this order: initial values are drawn by a parameter's place. */
static void add_blocks(quantiser_t *q, const quantiser_shape_t *s)
{
    const bool fuses = s->depth >= 0 && s->image;
    q->encoder = add_network(q, s, "encoder", fuses ? s->fused : q->width, q->latent, false);
    q->decoder = add_network(q, s, "decoder", q->latent, q->width, true);
    q->codebook = add_codebook(q);
    q->fusion = fuses ? fusion_add(&q->params, s->text, s->image, s->fused) : fusion_add(&q->params, q->width, 0, 0);
    q->intent_decoder = add_network(q, s, "intent", q->latent, q->intent, true);
}

quantiser_t *quantiser_new(const quantiser_shape_t *s)
{
    if (s->depth + 1 > MLP_MAX_LAYERS) die(EX_USAGE, "%d hidden layers, expected up to %d", s->depth, MLP_MAX_LAYERS - 1);
    const bool networks = s->depth >= 0;
    quantiser_t *q = NEW(quantiser_t);
    *q = (quantiser_t){.text = s->text, .image = s->image, .width = s->text + s->image, .levels = s->levels, .codes = s->codes};
    q->intent = networks ? s->intent : 0;
    q->latent = networks ? s->latent : q->width;
    add_blocks(q, s);
    params_allocate(&q->params);
    q->weights = weights_new(&q->params, backend_open("f32"));
    q->offset = xfloats((size_t)s->levels * (size_t)s->codes);
    q->image_scale = xfloats((size_t)q->image);
    for (int64_t j = 0; j < q->image; j++) q->image_scale[j] = 1;
    return q;
}

void quantiser_free(quantiser_t *q)
{
    if (!q) return;
    weights_free(&q->weights);
    params_free(&q->params);
    free(q->offset);
    free(q->image_scale);
    free(q);
}

struct encode_pass {
    const quantiser_t *q;
    int64_t n;
    const float *x;
    float *latents;
};

static void encode_block(void *ctx, int64_t block, int worker)
{
    (void)worker;
    const struct encode_pass *p = ctx;
    const quantiser_t *q = p->q;
    int64_t begin = block * BLOCK, rows = p->n - begin < BLOCK ? p->n - begin : BLOCK;
    float *fused = xfloats((size_t)(rows * q->fusion.hidden)), *acts = xfloats((size_t)(rows * q->encoder.hidden));
    const float *e = fusion_forward(&q->fusion, &q->weights, rows, p->x + begin * q->width, fused);
    const float *z = mlp_forward(&q->encoder, &q->weights, rows, e, acts);
    memcpy(p->latents + begin * q->latent, z, (size_t)(rows * q->latent) * sizeof(float));
    free(acts);
    free(fused);
}

void quantiser_encode(const quantiser_t *q, int64_t n, const float *x, float *latents)
{
    struct encode_pass p = {q, n, x, latents};
    parallel_for(blocks(n), encode_block, &p);
}

struct code_pass {
    const quantiser_t *q;
    int64_t n;
    const float *latents;
    int32_t *codes;
    float *last;
};

static void subtract_code(const quantiser_t *q, int level, int32_t code, float *residual)
{
    const float *c = quantiser_codebook(q, level) + code * q->latent;
    for (int64_t j = 0; j < q->latent; j++) residual[j] -= c[j];
}

static void code_block(void *ctx, int64_t block, int worker)
{
    (void)worker;
    const struct code_pass *p = ctx;
    const quantiser_t *q = p->q;
    int64_t begin = block * BLOCK, rows = p->n - begin < BLOCK ? p->n - begin : BLOCK;
    float *own = p->last ? NULL : xfloats((size_t)(rows * q->latent));
    float *residual = p->last ? p->last + begin * q->latent : own;
    memmove(residual, p->latents + begin * q->latent, (size_t)(rows * q->latent) * sizeof(float));
    int32_t *codes = p->codes + begin * q->levels;
    for (int l = 0; l < q->levels; l++) {
        const float *book = quantiser_codebook(q, l), *offset = q->offset + l * q->codes;
        kmeans_nearest(rows, q->latent, q->codes, residual, book, offset, codes + l, q->levels, NULL);
        for (int64_t i = 0; l + 1 < q->levels && i < rows; i++)
            subtract_code(q, l, codes[i * q->levels + l], residual + i * q->latent);
    }
    free(own);
}

void quantiser_codes(const quantiser_t *q, int64_t n, const float *latents, int32_t *codes, float *last)
{
    struct code_pass p = {q, n, latents, codes, last};
    parallel_for(blocks(n), code_block, &p);
}

/* Squared errors and squared lengths of the parts. */
typedef struct {
    double text_error, text, image_error, image, intent_error, intent;
} error_sums_t;

struct error_pass {
    const quantiser_t *q;
    int64_t n;
    const quantiser_rows_t *rows;
    const int32_t *codes;
    error_sums_t *sums; /* per block */
};

static void compare(int64_t width, const float *target, const float *decoded, double *error, double *length)
{
    for (int64_t j = 0; j < width; j++) {
        double e = (double)target[j] - (double)decoded[j];
        *error += e * e;
        *length += (double)target[j] * (double)target[j];
    }
}

static void error_block(void *ctx, int64_t block, int worker)
{
    (void)worker;
    const struct error_pass *p = ctx;
    const quantiser_t *q = p->q;
    int64_t begin = block * BLOCK, rows = p->n - begin < BLOCK ? p->n - begin : BLOCK;
    float *zq = xfloats((size_t)(rows * q->latent)), *acts = xfloats((size_t)(rows * q->decoder.hidden));
    float *intent_acts = xfloats((size_t)(rows * q->intent_decoder.hidden));
    for (int64_t i = 0; i < rows; i++)
        for (int l = 0; l < q->levels; l++) {
            const float *c = quantiser_codebook(q, l) + p->codes[(begin + i) * q->levels + l] * q->latent;
            for (int64_t j = 0; j < q->latent; j++) zq[i * q->latent + j] += c[j];
        }
    const float *back = mlp_forward(&q->decoder, &q->weights, rows, zq, acts);
    const float *intents = mlp_forward(&q->intent_decoder, &q->weights, rows, zq, intent_acts);
    const quantiser_rows_t *r = p->rows;
    error_sums_t *s = &p->sums[block];
    for (int64_t i = 0; i < rows; i++) {
        const float *x = r->x + (begin + i) * q->width, *decoded = back + i * q->width;
        compare(q->text, x, decoded, &s->text_error, &s->text);
        if (!r->has_image || r->has_image[begin + i])
            compare(q->image, x + q->text, decoded + q->text, &s->image_error, &s->image);
        if (q->intent && r->intents && (!r->has_intent || r->has_intent[begin + i]))
            compare(q->intent, r->intents + (begin + i) * q->intent, intents + i * q->intent, &s->intent_error, &s->intent);
    }
    free(intent_acts);
    free(acts);
    free(zq);
}

static double ratio(double error, double length) { return length > 0 ? error / length : 0; }

quantiser_errors_t quantiser_errors(const quantiser_t *q, int64_t n, const quantiser_rows_t *rows, const int32_t *codes)
{
    struct error_pass p = {q, n, rows, codes, NEW_ARRAY(error_sums_t, blocks(n))};
    parallel_for(blocks(n), error_block, &p);
    error_sums_t all = {0};
    for (int64_t b = 0; b < blocks(n); b++) {
        const error_sums_t *s = &p.sums[b];
        all.text_error += s->text_error;
        all.text += s->text;
        all.image_error += s->image_error;
        all.image += s->image;
        all.intent_error += s->intent_error;
        all.intent += s->intent;
    }
    free(p.sums);
    return (quantiser_errors_t){ratio(all.text_error + all.image_error, all.text + all.image), ratio(all.text_error, all.text),
                                ratio(all.image_error, all.image), ratio(all.intent_error, all.intent)};
}
