/* A decoder-only transformer's shape and parameters (RMSNorm, RoPE, SwiGLU, grouped-query attention, tied output), stored as
 * one flat array, and its file form: model/1, with Hugging Face Llama names and config keys. */
#ifndef SIDMILL_NN_MODEL_H
#define SIDMILL_NN_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "data/st.h"

/* The keys of a Hugging Face Llama config.json that matter here, under the same names. */
typedef struct {
    int64_t hidden_size, num_hidden_layers, num_attention_heads, num_key_value_heads, head_dim, intermediate_size;
    int64_t vocab_size, max_position_embeddings;
    double rms_norm_eps, rope_theta;
} model_config_t;

typedef struct {
    char *name;            /* "model.layers.0.self_attn.q_proj.weight" */
    int64_t rows, cols;    /* rows 0: a vector of cols */
    int64_t offset, count; /* in the flat array */
    bool decay;            /* weight decay applies (matrices, not gains) */
    bool frozen;           /* the optimiser leaves it alone */
} param_t;

/* Offsets of one layer's matrices. Matrices are [out, in]; q, k, v lie one after the other and so do gate and up: each group
 * is one product. */
typedef struct {
    int64_t norm1, qkv, out, norm2, gate_up, down;
} layer_t;

typedef struct {
    model_config_t config;
    param_t *params;
    int count;
    int64_t size;          /* floats in the flat arrays (a little padding between parameters included) */
    int64_t embed, norm;   /* offsets: embedding [vocab_size, hidden_size], which is the output matrix too; final gain */
    layer_t *layers;
    float *weights;
} model_t;

/* A model with zero weights. Wrong shapes (heads that do not divide, odd head_dim ...) end the process with EX_USAGE. */
model_t *model_new(model_config_t config);
void model_free(model_t *m);

/* Gains 1; matrices normal with deviation 0.02, those that write into the residual stream scaled by 1 / sqrt(2 layers)
 * (Radford et al. 2019). */
void model_init(model_t *m, uint64_t seed);

/* The config as Hugging Face JSON; `bos` is bos_token_id. Caller frees. */
char *model_config_json(const model_config_t *c, int64_t bos);

/* Adds every parameter of `values` (a flat array of the model's layout) as a tensor, names prefixed by `prefix`; the tensors
 * borrow from `values`. */
void model_add(st_writer_t *w, const model_t *m, const char *prefix, const float *values);

/* Copies the tensors so named into `values`; shapes are checked. */
void model_fetch(const st_file_t *f, const model_t *m, const char *prefix, float *values);

/* Reads a model/1 file: config from metadata `config`, then the weights. Keys that ask for what this transformer has not
 * (attention_bias, untied output, other activations, rope scaling) end the process with EX_DATAERR. */
model_t *model_read(const st_file_t *f);

#endif
