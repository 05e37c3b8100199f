/* A decoder-only transformer's shape and parameters (RMSNorm, RoPE, SwiGLU, grouped-query attention, tied output or not), what a
 * generator over Semantic IDs may add to it, and its file form: model/1, with Hugging Face Llama names and config keys. */
#ifndef SIDMILL_NN_MODEL_H
#define SIDMILL_NN_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "data/st.h"
#include "nn/gated.h"
#include "nn/linear.h"
#include "nn/model_config.h"
#include "nn/params.h"

/* One layer: gains of the norms by block (those of heads -1 where there are none), and its products. q, k and v lie one after the other and so do gate and up: each
 * group is one product. */
typedef struct {
    int norm1, norm2, q_norm, k_norm;
    linear_t qkv, out, gate_up, down;
} model_layer_t;

typedef struct {
    model_config_t config;
    params_t params;
    int64_t own;      /* tokens whose rows are the model's own: the first so many, all where it has no base (lm/adapter.h) */
    int embed, output, norm; /* blocks: embedding [own, hidden_size]; output matrix of that shape, the embedding again where they are
                              * tied, -1 where it was not read; final gain */
    int base_embed, base_output; /* the same of the tokens from `own` on: of a base, in its files; -1: none */
    model_layer_t *layers;
    gated_t *depth, *think;  /* [depth_levels], [think_levels]: see gen/depth.h */
    int think_vectors;       /* block [think_levels, hidden_size], a vector a level; -1: none */
    int positions;           /* block [learned_positions, hidden_size]; -1: none */
    int item_vectors, node_vectors; /* row-sparse blocks [.., hidden_size]; -1: none */
} model_t;

/* A model with zero weights. Wrong shapes (heads that do not divide, odd head_dim ...) end the process with EX_USAGE. */
model_t *model_new(model_config_t config);
void model_free(model_t *m);

/* Gains 1; matrices normal with deviation 0.02, those that write into the residual stream scaled by 1 / sqrt(2 layers)
 * (Radford et al. 2019); item vectors normal likewise, node vectors 0. What thinking adds is 0 at first:
 * the model begins as one that does not think. */
void model_init(model_t *m, uint64_t seed);

/* Splits the item and node vectors of a model without values over the ranks: params_split(). */
void model_split_tables(model_t *m);

/* Gives a table, which has been read from a file, another number of rows: row i is the file's row from[i], or 0 where from[i] is -1; `from`
 * NULL: the first rows stay. Of a split one, the rows that are held here. */
void model_regrow(model_t *m, const st_file_t *f, int block, int64_t rows, const int64_t *from);

/* A model of the same shape and values; of one on a base, on the same files. */
model_t *model_copy(const model_t *m);

/* A row, as wide as the model, of a block. */
static inline float *model_row(const model_t *m, int block, int64_t row)
{
    return params_values(&m->params, block) + row * m->config.hidden_size;
}

/* The embedding's row of a token of the model's own, and that of the output matrix; nn/embedding.h has those of any. */
static inline float *model_embedding(const model_t *m, int32_t token) { return model_row(m, m->embed, token); }
static inline float *model_output(const model_t *m, int32_t token) { return model_row(m, m->output, token); }

/* Reads a file's metadata `config`; what is none ends the process with EX_DATAERR. */
model_config_t model_read_config(const st_file_t *f);

/* Reads a model/1 file: config from metadata `config`, then the weights. Keys that ask for what a generator has not (nn/model_config.h)
 * end the process with EX_DATAERR. `split`: model_split_tables(). */
model_t *model_read(const st_file_t *f, bool split);

/* A model whose matrices are to be mapped and whose vectors are frozen, without memory or values yet; `prefix` ("model.") begins the
 * names of its tensors. The output matrix, where it is another than the embedding, is no part of it. */
model_t *model_new_mapped(model_config_t config, const char *prefix);

#endif
