#include "sid/rqvae_loss.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "matrix/kmeans.h"
#include "nn/vec.h"

/* Chooses codes level by level; returns the commitment, and adds the gradients of codebook and commitment terms. On return
 * `residual` is what no level explains. */
static double quantise_rows(const quantiser_t *q, int64_t n, double beta, float scale, float *residual, float *dz, grads_t *grads,
                            int32_t *codes)
{
    int64_t d = q->latent;
    double commitment = 0;
    for (int l = 0; l < q->levels; l++) {
        const float *book = quantiser_codebook(q, l);
        float *dbook = grads_block(grads, q->codebook) + (int64_t)l * q->codes * d;
        kmeans_nearest(n, d, q->codes, residual, book, q->offset + l * q->codes, codes + l, q->levels, NULL);
        for (int64_t i = 0; i < n; i++) {
            const float *c = book + codes[i * q->levels + l] * d;
            float *r = residual + i * d, *dc = dbook + codes[i * q->levels + l] * d;
            for (int64_t j = 0; j < d; j++) {
                r[j] -= c[j];
                dc[j] -= 2 * scale * r[j];
                dz[i * d + j] += 2 * scale * (float)beta * r[j];
                commitment += (double)r[j] * (double)r[j];
            }
        }
    }
    return commitment;
}

/* A part of what a decoder gives: its columns, the rows that have it (NULL: all), its weight, and where its error is summed. */
typedef struct {
    int64_t begin, width;
    const uint8_t *present;
    double weight, *error;
} decoded_part_t;

/* Adds a part's squared error; dout [n, stride] becomes the gradient of weight * scale times it, and stays zero where there is
 * no target. */
static void part_error(const decoded_part_t *p, int64_t n, int64_t stride, const float *target, const float *out, float scale,
                       float *dout)
{
    for (int64_t i = 0; i < n; i++) {
        if (p->present && !p->present[i]) continue;
        for (int64_t k = i * stride + p->begin, end = k + p->width; k < end; k++) {
            float e = out[k] - target[k];
            *p->error += (double)e * (double)e;
            dout[k] = (float)p->weight * 2 * scale * e;
        }
    }
}

/* Decodes zq [n, latent], compares the parts with `target`, and adds the gradients, that of zq to dzq. */
static void reconstruct(const mlp_t *decoder, const weights_t *w, int64_t n, const float *target, const decoded_part_t *parts,
                        int count, float scale, const float *zq, float *dzq, grads_t *grads)
{
    int64_t latent = decoder->width[0], width = decoder->width[decoder->layers];
    float *acts = xfloats((size_t)(n * decoder->hidden)), *dout = xfloats((size_t)(n * width));
    float *dx = xfloats((size_t)(n * latent)), *scratch = xfloats((size_t)(2 * n * mlp_widest(decoder)));
    const float *out = mlp_forward(decoder, w, n, zq, acts);
    for (int p = 0; p < count; p++) part_error(&parts[p], n, width, target, out, scale, dout);
    mlp_backward(decoder, w, n, zq, acts, dout, dx, grads, scratch);
    vec_add(n * latent, dx, dzq);
    free(scratch);
    free(dx);
    free(dout);
    free(acts);
}

/* Runs both decoders: that of text and image, and that of the intents. */
static void decode(const rqvae_terms_t *terms, const quantiser_t *q, int64_t n, const quantiser_rows_t *rows, float scale,
                   const float *zq, float *dzq, grads_t *grads, rqvae_loss_t *loss)
{
    const decoded_part_t row[] = {{0, q->text, NULL, 1, &loss->text},
                                  {q->text, q->image, rows->has_image, terms->image, &loss->image}};
    const decoded_part_t intent = {0, q->intent, rows->has_intent, terms->intent, &loss->intent};
    reconstruct(&q->decoder, &q->weights, n, rows->x, row, 2, scale, zq, dzq, grads);
    if (q->intent) reconstruct(&q->intent_decoder, &q->weights, n, rows->intents, &intent, 1, scale, zq, dzq, grads);
}

void rqvae_gradients(const rqvae_terms_t *terms, const quantiser_t *q, int64_t n, const quantiser_rows_t *rows, bool quantise,
                     float scale, grads_t *grads, int32_t *codes, rqvae_loss_t *loss)
{
    int64_t d = q->latent, input = q->encoder.width[0];
    float *fused = xfloats((size_t)(n * q->fusion.hidden)), *acts = xfloats((size_t)(n * q->encoder.hidden));
    float *zq = xfloats((size_t)(n * d)), *dz = xfloats((size_t)(n * d)), *dzq = xfloats((size_t)(n * d));
    float *de = q->fusion.image ? xfloats((size_t)(n * input)) : NULL;
    float *scratch = xfloats((size_t)(2 * n * mlp_widest(&q->encoder)));

    const float *e = fusion_forward(&q->fusion, &q->weights, n, rows->x, fused);
    const float *z = mlp_forward(&q->encoder, &q->weights, n, e, acts);
    memcpy(zq, z, (size_t)(n * d) * sizeof(float));
    if (quantise) {
        loss->commitment += quantise_rows(q, n, terms->beta, scale, zq, dz, grads, codes);
        for (int64_t i = 0; i < n * d; i++) zq[i] = z[i] - zq[i];
    }
    decode(terms, q, n, rows, scale, zq, dzq, grads, loss);
    if (terms->contrast.weight > 0)
        loss->contrast += contrast_gradients(&terms->contrast, n, rows->item, d, zq, (float)terms->contrast.weight * scale, dzq);
    vec_add(n * d, dzq, dz);
    mlp_backward(&q->encoder, &q->weights, n, e, acts, dz, de, grads, scratch);
    fusion_backward(&q->fusion, &q->weights, n, fused, de, grads);

    free(scratch);
    free(de);
    free(dzq);
    free(dz);
    free(zq);
    free(acts);
    free(fused);
}
