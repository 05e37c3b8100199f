/* Drawing groups of candidates from a policy. A prompt's history is encoded once; its candidates share that. */
#ifndef SIDMILL_POLICY_ROLLOUT_H
#define SIDMILL_POLICY_ROLLOUT_H

#include <stdint.h>

#include "data/interactions.h"
#include "gen/space.h"
#include "nn/transformer.h"
#include "policy/draw.h"

/* constrained-sample: tokens are drawn among those that some item's SID goes on with; constrained-beam: the G likeliest distinct
 * SIDs that a beam search of width G finds among these; free: among all codes of the level, so that a candidate may be no
 * item's SID. */
typedef enum { SAMPLER_SAMPLE, SAMPLER_BEAM, SAMPLER_FREE } sampler_t;

extern const char *const sampler_names[]; /* in that order, for CLI_CHOICE */
sampler_t sampler_kind(const char *name);

/* The allowed sets of a sampler, whatever the model was trained with. */
softmax_t sampler_softmax(sampler_t s);

typedef struct rollout rollout_t;

/* Borrows both; the network's weights may change between calls (after network_sync()). The space's softmax must be the
 * sampler's. Logits are divided by `temperature`. */
rollout_t *rollout_new(const network_t *net, const space_t *space, sampler_t sampler, int group, double temperature);
void rollout_free(rollout_t *r);

/* draws [n, group]: candidates of each prompt. What is drawn for prompt i depends on `key` and first + i alone. Parallel over
 * fixed batches, of which each rank draws a block; all then have all. */
void rollout_run(rollout_t *r, int64_t n, const history_t *prompts, uint64_t key, int64_t first, draw_t *draws);

#endif
