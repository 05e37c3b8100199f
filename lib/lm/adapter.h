/* What trains on a frozen base: rows of tokens that the base has not, and low-rank pairs beside its matrices (LoRA: Hu et al. 2021, arXiv
 * 2106.09685). */
#ifndef SIDMILL_LM_ADAPTER_H
#define SIDMILL_LM_ADAPTER_H

#include <stdbool.h>
#include <stdint.h>

#include "nn/model.h"

/* The matrices of a layer that may have a pair, as --lora-targets names them: LORA_Q "q" and so on. */
typedef enum { LORA_Q, LORA_K, LORA_V, LORA_O, LORA_GATE, LORA_UP, LORA_DOWN, LORA_TARGETS } lora_target_t;

typedef struct {
    int64_t rank;          /* 0: no pairs */
    double alpha;          /* a pair's product is scaled by alpha / rank */
    bool on[LORA_TARGETS];
} lora_t;

typedef struct {
    int64_t tokens;        /* that have rows of their own; the base's tokens come behind them */
    lora_t lora;
} adapter_t;

/* "q,k,v": which matrices have pairs; false for what is no list of them, or names one twice. */
bool lora_parse(const char *list, lora_t *l);

const char *lora_name(lora_target_t t);

/* Such a list, in the order above. Caller frees. */
char *lora_list(const lora_t *l);

/* Adds blocks to a model of model_new_mapped(), which has no memory yet: model.embed_tokens.new.weight [tokens, hidden_size], of one
 * whose output matrix is another than its embedding lm_head.weight, mapped, and lm_head.new.weight; and pairs
 * model.layers.N.self_attn.q_proj.lora_A.weight and so on. */
void adapter_add(model_t *m, const adapter_t *a);

/* Fills them, once the base's rows are mapped, of which the first `text` are its tokens': new rows are the mean of those plus normal
 * noise, whose deviation is theirs around it (of all numbers together), so that a new token lies as far from the mean as others do;
 * pairs as linear_init_pair() says. */
void adapter_init(model_t *m, int64_t text, uint64_t seed);

#endif
