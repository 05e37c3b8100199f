/* Prompts of policy training: beginnings of training histories, each with the item that came next. */
#ifndef SIDMILL_POLICY_RL_PROMPTS_H
#define SIDMILL_POLICY_RL_PROMPTS_H

#include <stdint.h>

#include "data/interactions.h"
#include "gen/hold_back.h"

/* Which interactions of a training history are targets: all but the first, only the last, the last of those users whose last
 * one was held back from supervised training, all but the first behind histories that are perturbed (policy/perturb.h), or the
 * last of those users whose last one was held back from some other model. */
typedef enum { PROMPTS_ALL, PROMPTS_LAST, PROMPTS_HELD_BACK, PROMPTS_PERTURBED, PROMPTS_CROSS_FIT } prompts_kind_t;

typedef struct {
    history_t history; /* the last items before its target */
    history_t own;     /* all that is trained on of its user's history */
    int32_t blind;     /* the first of the models that has not been trained on the target; -1: all have */
} prompt_t;

/* Every user's prompts in order, of up to `max_items` items, as `models` models know them, each by what was held back from it.
 * Validation's and test's items are never in them. Caller frees. */
prompt_t *prompts_make(const interactions_t *x, prompts_kind_t kind, int models, const hold_back_t *hold, int64_t max_items, int64_t *count);

#endif
