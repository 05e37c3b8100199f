/* The quantiser behind Semantic IDs: encoder, residual codebooks, decoder (RQ-VAE: Lee et al. 2022; for Semantic
 * IDs: Rajput et al. 2023), and its tensors in a sids/1 file. Residual k-means is the same with neither encoder nor decoder. */
#ifndef SIDMILL_REC_QUANTISER_H
#define SIDMILL_REC_QUANTISER_H

#include <stdbool.h>
#include <stdint.h>

#include "data/sids.h"
#include "data/st.h"
#include "nn/mlp.h"

typedef struct {
    int64_t input, latent; /* D, d */
    int levels, codes;     /* L, K */
    mlp_t encoder, decoder;
    int64_t codebook;      /* offset of [levels, codes, latent] in params */
    int64_t size;
    float *params;         /* the trained parameters, flat */
    float *offset;         /* [levels, codes] load offsets, added to squared distances when a code is chosen */
} quantiser_t;

/* A quantiser with zero parameters. `hidden` gives the widths between input and latent, `depth` of them, in the encoder's
 * order; the decoder mirrors them. depth < 0: no networks, and latent = input. */
quantiser_t *quantiser_new(int64_t input, int64_t latent, int depth, const int64_t *hidden, int levels, int codes);
void quantiser_free(quantiser_t *q);

/* Codebook of a level: [codes, latent]. */
static inline float *quantiser_codebook(const quantiser_t *q, int level)
{
    return q->params + q->codebook + (int64_t)level * q->codes * q->latent;
}

/* Latents [n, d] of x [n, D]. In parallel. */
void quantiser_encode(const quantiser_t *q, int64_t n, const float *x, float *latents);

/* Chooses codes [n, levels] level by level: c_l = argmin_k |r_l - C_l[k]|^2 + offset_l[k], r_{l+1} = r_l - C_l[c_l]. On
 * return `last` [n, d], where not NULL, holds r_L: what the last level's code is chosen for. In parallel. */
void quantiser_codes(const quantiser_t *q, int64_t n, const float *latents, int32_t *codes, float *last);

/* |x - x^|^2 / |x|^2 over all rows, x^ decoded from the codes [n, levels]; 0 where x is all zero. */
double quantiser_error(const quantiser_t *q, int64_t n, const float *x, const int32_t *codes);

/* Adds `codebook` [L, K, d], `code_offset` [L, K], and the networks as encoder.0.weight [out, in], encoder.0.bias [out], ...;
 * the tensors borrow from q. */
void quantiser_add(st_writer_t *w, const quantiser_t *q);

/* Reads and checks what quantiser_add() wrote. A file without these tensors, or whose shapes do not fit together, ends the
 * process with EX_DATAERR. */
quantiser_t *quantiser_read(const st_file_t *f);

#endif
