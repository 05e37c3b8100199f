#include "rec/quantiser.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/parallel.h"
#include "nn/kmeans.h"

enum { BLOCK = 256 /* rows that one step of a parallel pass takes */ };

static int64_t blocks(int64_t n) { return (n + BLOCK - 1) / BLOCK; }

quantiser_t *quantiser_new(int64_t input, int64_t latent, int depth, const int64_t *hidden, int levels, int codes)
{
    if (depth + 1 > MLP_MAX_LAYERS) die(EX_USAGE, "%d hidden layers, expected up to %d", depth, MLP_MAX_LAYERS - 1);
    quantiser_t *q = NEW(quantiser_t);
    int64_t down[MLP_MAX_LAYERS + 1] = {input}, up[MLP_MAX_LAYERS + 1] = {latent};
    for (int i = 0; i < depth; i++) {
        down[1 + i] = hidden[i];
        up[1 + i] = hidden[depth - 1 - i];
    }
    int layers = depth < 0 ? 0 : depth + 1;
    if (layers) {
        down[layers] = latent;
        up[layers] = input;
    }
    q->input = input;
    q->latent = layers ? latent : input;
    q->levels = levels;
    q->codes = codes;
    q->encoder = mlp_make(layers, down, 0);
    q->decoder = mlp_make(layers, layers ? up : down, q->encoder.end);
    q->codebook = q->decoder.end;
    q->size = q->codebook + (int64_t)levels * codes * q->latent;
    q->params = xfloats((size_t)q->size);
    q->offset = xfloats((size_t)levels * (size_t)codes);
    return q;
}

void quantiser_free(quantiser_t *q)
{
    if (!q) return;
    free(q->params);
    free(q->offset);
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
    float *acts = xfloats((size_t)(rows * q->encoder.hidden));
    const float *z = mlp_forward(&q->encoder, q->params, rows, p->x + begin * q->input, acts);
    memcpy(p->latents + begin * q->latent, z, (size_t)(rows * q->latent) * sizeof(float));
    free(acts);
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
    memcpy(residual, p->latents + begin * q->latent, (size_t)(rows * q->latent) * sizeof(float));
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

struct error_pass {
    const quantiser_t *q;
    int64_t n;
    const float *x;
    const int32_t *codes;
    double *error, *norm; /* per block */
};

static void error_block(void *ctx, int64_t block, int worker)
{
    (void)worker;
    const struct error_pass *p = ctx;
    const quantiser_t *q = p->q;
    int64_t begin = block * BLOCK, rows = p->n - begin < BLOCK ? p->n - begin : BLOCK;
    float *sum = xfloats((size_t)(rows * q->latent)), *acts = xfloats((size_t)(rows * q->decoder.hidden));
    for (int64_t i = 0; i < rows; i++)
        for (int l = 0; l < q->levels; l++) {
            const float *c = quantiser_codebook(q, l) + p->codes[(begin + i) * q->levels + l] * q->latent;
            for (int64_t j = 0; j < q->latent; j++) sum[i * q->latent + j] += c[j];
        }
    const float *back = mlp_forward(&q->decoder, q->params, rows, sum, acts), *x = p->x + begin * q->input;
    for (int64_t i = 0; i < rows * q->input; i++) {
        double e = (double)x[i] - (double)back[i];
        p->error[block] += e * e;
        p->norm[block] += (double)x[i] * (double)x[i];
    }
    free(acts);
    free(sum);
}

double quantiser_error(const quantiser_t *q, int64_t n, const float *x, const int32_t *codes)
{
    struct error_pass p = {q, n, x, codes, NEW_ARRAY(double, blocks(n)), NEW_ARRAY(double, blocks(n))};
    parallel_for(blocks(n), error_block, &p);
    double error = 0, norm = 0;
    for (int64_t b = 0; b < blocks(n); b++) {
        error += p.error[b];
        norm += p.norm[b];
    }
    free(p.error);
    free(p.norm);
    return norm > 0 ? error / norm : 0;
}

static void add_network(st_writer_t *w, const char *name, const mlp_t *m, const float *params)
{
    for (int l = 0; l < m->layers; l++) {
        char tensor[32];
        snprintf(tensor, sizeof tensor, "%s.%d.weight", name, l);
        st_add2(w, tensor, ST_F32, m->width[l + 1], m->width[l], params + m->weight[l]);
        snprintf(tensor, sizeof tensor, "%s.%d.bias", name, l);
        st_add1(w, tensor, ST_F32, m->width[l + 1], params + m->bias[l]);
    }
}

void quantiser_add(st_writer_t *w, const quantiser_t *q)
{
    const int64_t shape[] = {q->levels, q->codes, q->latent};
    st_add(w, "codebook", ST_F32, 3, shape, q->params + q->codebook);
    st_add2(w, "code_offset", ST_F32, q->levels, q->codes, q->offset);
    add_network(w, "encoder", &q->encoder, q->params);
    add_network(w, "decoder", &q->decoder, q->params);
}

/* Copies a tensor of exactly this shape to `to`. */
static void fetch(const st_file_t *f, const char *name, int dims, const int64_t *shape, float *to)
{
    int64_t expected[ST_MAX_DIMS], count = 1;
    for (int i = 0; i < dims; i++) count *= expected[i] = shape[i];
    float *data = st_need_f32(f, name, dims, expected);
    memcpy(to, data, (size_t)count * sizeof(float));
    free(data);
}

static void fetch_network(const st_file_t *f, const char *name, const mlp_t *m, float *params)
{
    for (int l = 0; l < m->layers; l++) {
        char tensor[32];
        snprintf(tensor, sizeof tensor, "%s.%d.weight", name, l);
        fetch(f, tensor, 2, (const int64_t[]){m->width[l + 1], m->width[l]}, params + m->weight[l]);
        snprintf(tensor, sizeof tensor, "%s.%d.bias", name, l);
        fetch(f, tensor, 1, (const int64_t[]){m->width[l + 1]}, params + m->bias[l]);
    }
}

/* The widths that follow each encoder layer; returns the number of layers, and the encoder's input width in *input. */
static int encoder_widths(const st_file_t *f, int64_t *input, int64_t *widths)
{
    char tensor[32];
    int layers = 0;
    for (;; layers++) {
        snprintf(tensor, sizeof tensor, "encoder.%d.weight", layers);
        if (!st_find(f, tensor)) return layers;
        if (layers == MLP_MAX_LAYERS) die_at(f->name, 0, "%s: expected up to %d encoder layers", tensor, MLP_MAX_LAYERS);
        int64_t shape[2] = {-1, -1};
        st_need(f, tensor, 2, shape);
        if (shape[0] < 1 || shape[1] < 1) die_at(f->name, 0, "%s: an empty matrix, expected one", tensor);
        if (!layers) *input = shape[1];
        else if (shape[1] != widths[layers - 1])
            die_at(f->name, 0, "%s: %lld columns, expected the layer before's %lld", tensor, (long long)shape[1],
                   (long long)widths[layers - 1]);
        widths[layers] = shape[0];
    }
}

quantiser_t *quantiser_read(const st_file_t *f)
{
    if (!st_find(f, "codebook"))
        die_at(f->name, 0, "no tensor 'codebook', expected SIDs with the quantiser that made them");
    int64_t shape[3] = {-1, -1, -1}, widths[MLP_MAX_LAYERS];
    st_need(f, "codebook", 3, shape);
    for (int i = 0; i < 3; i++)
        if (shape[i] < 1) die_at(f->name, 0, "codebook: an empty tensor, expected [levels, codes, width]");
    if (shape[0] > SID_MAX_LEVELS || shape[1] > SID_MAX_CODES)
        die_at(f->name, 0, "codebook: %lld levels of %lld codes, expected up to %d of up to %d", (long long)shape[0],
               (long long)shape[1], SID_MAX_LEVELS, SID_MAX_CODES);
    int64_t input = shape[2];
    int layers = encoder_widths(f, &input, widths);
    if (layers && widths[layers - 1] != shape[2])
        die_at(f->name, 0, "codebook: width %lld, expected the encoder's %lld", (long long)shape[2], (long long)widths[layers - 1]);
    quantiser_t *q = quantiser_new(input, shape[2], layers - 1, widths, (int)shape[0], (int)shape[1]);
    fetch(f, "codebook", 3, shape, q->params + q->codebook);
    if (st_find(f, "code_offset")) fetch(f, "code_offset", 2, shape, q->offset);
    fetch_network(f, "encoder", &q->encoder, q->params);
    fetch_network(f, "decoder", &q->decoder, q->params);
    return q;
}
