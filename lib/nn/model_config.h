/* The shape of a decoder-only transformer, under the keys of Hugging Face's config.json, and which of their families it may be. */
#ifndef SIDMILL_NN_MODEL_CONFIG_H
#define SIDMILL_NN_MODEL_CONFIG_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stdint.h>

#include "nn/rope.h"

/* The keys of a config.json that matter here, under the same names; then, 0 where there is none: gated blocks
 * behind the final norm, one a code level, and their inner width (the depth part of RQ-Transformer, Lee et al. 2022, arXiv
 * 2203.01941); blocks that think before each code, and theirs; rows of learned positions in place of rotary ones; rows of the tables of vectors that an item has of its own where
 * it is read, and a node of the trie of SIDs where it is chosen. */
typedef struct {
    int64_t hidden_size, num_hidden_layers, num_attention_heads, num_key_value_heads, head_dim, intermediate_size;
    int64_t vocab_size, max_position_embeddings;
    double rms_norm_eps, rope_theta;
    rope_scaling_t rope_scaling;
    bool qkv_bias;         /* of queries, keys and values (Qwen2) */
    bool qk_norm;          /* an RMSNorm over each head's query and key before they are rotated (Qwen3; Henry et al. 2020) */
    bool untied;           /* the output has a matrix of its own */
    int64_t depth_levels, depth_size, think_levels, think_size, learned_positions, item_vectors, node_vectors;
    bool sparse_embedding; /* the embedding trains by the row (param_t.sparse); of memory alone, no file says it */
} model_config_t;

/* Says what is wrong with a shape, NULL if nothing. */
const char *model_config_fault(const model_config_t *c);

/* Reads a config; `name` is the file's, for messages. Families (`model_type`) are llama, mistral, qwen2 and qwen3. What changes the
 * computation and is not supported ends the process with EX_DATAERR and the key's name: other families, activations and kinds of rope
 * scaling, biases that the family does not have, attention to a window of positions that is shorter than max_position_embeddings (which
 * is then the window's length), quantised weights. */
model_config_t model_config_parse(const char *name, const cJSON *j);

/* The config as JSON; `bos` is bos_token_id. Caller frees. */
char *model_config_json(const model_config_t *c, int64_t bos);

#endif
