/* The quantiser behind Semantic IDs: fusion of text and image, encoder, residual codebooks, decoder (RQ-VAE: Lee et al. 2022;
 * for Semantic IDs: Rajput et al. 2023), and its tensors in a sids/1 file. Residual k-means is the same with neither fusion
 * nor encoder nor decoder. */
#ifndef SIDMILL_SID_QUANTISER_H
#define SIDMILL_SID_QUANTISER_H

#include <stdint.h>

#include "data/sids.h"
#include "data/st.h"
#include "nn/mlp.h"
#include "sid/fusion.h"

/* What a quantiser is made of. */
typedef struct {
    int64_t text, image; /* widths of a row's two parts; image 0: no image part */
    int64_t fused;       /* D: width of their fusion */
    int64_t intent;      /* width of what the auxiliary decoder reconstructs; 0: there is none */
    int64_t latent;      /* d */
    int depth;           /* of the networks: widths in `hidden`. -1: no networks, and latent = text + image */
    int64_t hidden[MLP_MAX_LAYERS]; /* between fusion and latent, in the encoder's order; decoders mirror them */
    int levels, codes;   /* L, K */
} quantiser_shape_t;

typedef struct {
    int64_t text, image, intent;
    int64_t width;        /* of a row: text + image */
    int64_t latent;       /* d */
    int levels, codes;    /* L, K */
    params_t params;      /* what is trained, named as in files */
    weights_t weights;    /* the same, for products in floats */
    fusion_t fusion;      /* [e_text ; v] -> e_mm, the encoder's input; none where there are no networks */
    mlp_t encoder, decoder; /* the decoder gives [e_text ; v] back */
    mlp_t intent_decoder; /* no layers: none */
    int codebook;         /* block [levels, codes, latent] */
    float *offset;        /* [levels, codes] load offsets, added to squared distances when a code is chosen */
    float *image_scale;   /* [image]: a row's v is the item's image vector, each element times this */
} quantiser_t;

/* Makes a quantiser with zero parameters and image_scale 1. */
quantiser_t *quantiser_new(const quantiser_shape_t *shape);
void quantiser_free(quantiser_t *q);

/* Finds the codebook of a level: [codes, latent]. */
static inline float *quantiser_codebook(const quantiser_t *q, int level)
{
    return params_values(&q->params, q->codebook) + (int64_t)level * q->codes * q->latent;
}

/* Items as a quantiser sees them; borrowed. */
typedef struct {
    const float *x;            /* [n, width]: [e_text ; v], v scaled, and zero where there is no image */
    const uint8_t *has_image;  /* [n]; NULL: all have one */
    const float *intents;      /* [n, intent]; NULL: none */
    const uint8_t *has_intent; /* [n]; NULL: all */
    const int64_t *item;       /* [n] rows of the graph (sid/contrast.h); NULL: none is asked */
} quantiser_rows_t;

/* Computes latents [n, d] of x [n, width]. In parallel. */
void quantiser_encode(const quantiser_t *q, int64_t n, const float *x, float *latents);

/* Chooses codes [n, levels] level by level: c_l = argmin_k |r_l - C_l[k]|^2 + offset_l[k], r_{l+1} = r_l - C_l[c_l]. On
 * return `last` [n, d], which may be `latents`, or NULL, holds r_L: what the last level's code is chosen for. In parallel. */
void quantiser_codes(const quantiser_t *q, int64_t n, const float *latents, int32_t *codes, float *last);

/* |target - decoded|^2 / |target|^2, both summed over the items that have the part; 0 where there is nothing. `all`: text and
 * image together. */
typedef struct {
    double all, text, image, intent;
} quantiser_errors_t;

/* Decodes the codes [n, levels] and compares. In parallel. */
quantiser_errors_t quantiser_errors(const quantiser_t *q, int64_t n, const quantiser_rows_t *rows, const int32_t *codes);

/* Adds `codebook` [L, K, d], `code_offset` [L, K], the networks as encoder.0.weight [out, in], encoder.0.bias [out], ...,
 * decoder.* and intent.*, and of a quantiser of images `image_scale` [Dv], fusion.visual.weight [Dt, Dv] and fusion.weight
 * [D, 2 Dt]; the tensors borrow from q. */
void quantiser_add(st_writer_t *w, const quantiser_t *q);

/* Reads and checks what quantiser_add() wrote. A file without these tensors, or whose shapes do not fit together, ends the
 * process with EX_DATAERR. */
quantiser_t *quantiser_read(const st_file_t *f);

#endif
