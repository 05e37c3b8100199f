/* Prompts of policy training: beginnings of training histories, each with the item that came next. */
#ifndef SIDMILL_POLICY_RL_PROMPTS_H
#define SIDMILL_POLICY_RL_PROMPTS_H

#include <stdint.h>

#include "data/interactions.h"
#include "gen/hold_back.h"

/* Which interactions of a training history are targets: all but the first, only the last, the last of those users whose last
 * one was held back from supervised training, or all but the first behind histories that are perturbed (policy/perturb.h). */
typedef enum { PROMPTS_ALL, PROMPTS_LAST, PROMPTS_HELD_BACK, PROMPTS_PERTURBED } prompts_kind_t;

/* Every user's prompts in order; each history holds the last `max_items` items before its target. Validation's and test's
 * items are never in them. Caller frees. */
history_t *prompts_make(const interactions_t *x, prompts_kind_t kind, hold_back_t hold, int64_t max_items, int64_t *count);

#endif
