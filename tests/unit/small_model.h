/* What tests of the generator begin with: six items on two levels of three codes, of which items 0 and 1 share both and carry
 * suffixes; two histories; a small model with weights large enough that every path shows. */
#ifndef SIDMILL_SMALL_MODEL_H
#define SIDMILL_SMALL_MODEL_H

#include "gen/space.h"
#include "nn/model.h"
#include "nn/transformer.h"

static int32_t small_codes[] = {0, 1, 0, 1, 2, 0, 1, 2, 2, 2, 0, 0}, small_suffixes[] = {0, 1, -1, -1, -1, -1};
static const sids_t small_sids = {.items = 6, .levels = 2, .codes = 3, .max_suffix = 2, .code = small_codes, .suffix = small_suffixes};

static int64_t small_offsets[] = {0, 6, 11};
static int32_t small_events[] = {0, 2, 4, 1, 5, 3, 3, 1, 0, 2, 5};
static const interactions_t small_interactions = {.users = 2, .events = 11, .items = 6, .user_offsets = small_offsets, .item_index = small_events};

enum { SMALL_D = 8 };

static inline model_t *small_model(int64_t vocabulary)
{
    model_t *m = model_new((model_config_t){.hidden_size = SMALL_D, .num_hidden_layers = 2, .num_attention_heads = 4, .num_key_value_heads = 2,
                                            .head_dim = 4, .intermediate_size = 12, .vocab_size = vocabulary, .max_position_embeddings = 64,
                                            .rms_norm_eps = 1e-6, .rope_theta = 10000});
    model_init(m, 7);
    for (int i = 0; i < m->params.count; i++)
        for (int64_t j = 0; m->params.blocks[i].decay && j < m->params.blocks[i].count; j++) params_values(&m->params, i)[j] *= 15;
    return m;
}

#endif
