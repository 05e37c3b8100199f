/* A decoder-only transformer's shape and parameters (RMSNorm, RoPE, SwiGLU, grouped-query attention, tied output), and its file
 * form: model/1, with Hugging Face Llama names and config keys. */
#ifndef SIDMILL_NN_MODEL_H
#define SIDMILL_NN_MODEL_H

#include <stdint.h>

#include "data/st.h"
#include "nn/linear.h"
#include "nn/params.h"

/* The keys of a Hugging Face Llama config.json that matter here, under the same names. */
typedef struct {
    int64_t hidden_size, num_hidden_layers, num_attention_heads, num_key_value_heads, head_dim, intermediate_size;
    int64_t vocab_size, max_position_embeddings;
    double rms_norm_eps, rope_theta;
} model_config_t;

/* One layer: gains of the norms by block, and its products. q, k and v lie one after the other and so do gate and up: each
 * group is one product. */
typedef struct {
    int norm1, norm2;
    linear_t qkv, out, gate_up, down;
} model_layer_t;

typedef struct {
    model_config_t config;
    params_t params;
    int embed, norm;  /* blocks: embedding [vocab_size, hidden_size], which is the output matrix too; final gain */
    model_layer_t *layers;
} model_t;

/* A model with zero weights. Wrong shapes (heads that do not divide, odd head_dim ...) end the process with EX_USAGE. */
model_t *model_new(model_config_t config);
void model_free(model_t *m);

/* Gains 1; matrices normal with deviation 0.02, those that write into the residual stream scaled by 1 / sqrt(2 layers)
 * (Radford et al. 2019). */
void model_init(model_t *m, uint64_t seed);

/* A model of the same shape and values. */
model_t *model_copy(const model_t *m);

/* The embedding's row of a token. */
static inline float *model_embedding(const model_t *m, int32_t token)
{
    return params_values(&m->params, m->embed) + token * m->config.hidden_size;
}

/* The config as Hugging Face JSON; `bos` is bos_token_id. Caller frees. */
char *model_config_json(const model_config_t *c, int64_t bos);

/* Reads a model/1 file: config from metadata `config`, then the weights. Keys that ask for what this transformer has not
 * (attention_bias, untied output, other activations, rope scaling) end the process with EX_DATAERR. */
model_t *model_read(const st_file_t *f);

#endif
