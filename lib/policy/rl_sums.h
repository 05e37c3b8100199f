/* What policy training tells of its steps: sums over those since the last validation, and means of them for people and logs. */
#ifndef SIDMILL_POLICY_RL_SUMS_H
#define SIDMILL_POLICY_RL_SUMS_H

#include <stdbool.h>

#include "policy/grpo.h"
#include "policy/reward.h"
#include "train/checkpoint.h"

/* Begins as {0}; all are saved with a checkpoint. */
typedef struct {
    double groups, equal, hit_groups, reward, terms[REWARD_TERMS], deviation; /* over groups */
    double known_groups, known_hits;                                          /* of targets that who draws was trained on */
    double kl, entropy, reference_entropy, tokens, clipped;                   /* over generated tokens */
    double loss, supervised, norm, updates;                                   /* over updates */
} rl_sums_t;

/* Adds a group of n candidates, and what a pass says of its tokens. */
void rl_sums_group(rl_sums_t *s, int n, const reward_t *rewards, bool known);
void rl_sums_pass(rl_sums_t *s, const grpo_stats_t *stats);

/* Of a token: the mean KL, and the entropy as a share of the reference's, 1 where there are none. */
double rl_sums_kl(const rl_sums_t *s);
double rl_sums_entropy_share(const rl_sums_t *s);

/* Members of a JSON object from "prompts" to "gradient_norm"; and a few of them in words. Caller frees. */
char *rl_sums_json(const rl_sums_t *s);
char *rl_sums_words(const rl_sums_t *s);

void rl_sums_fields(rl_sums_t *s, checkpoint_t *c);

#endif
