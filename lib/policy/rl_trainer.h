/* Policy training of a generator: draws groups of candidates, rewards them, takes GRPO steps, validates, keeps the best, and
 * resumes exactly. */
#ifndef SIDMILL_POLICY_RL_TRAINER_H
#define SIDMILL_POLICY_RL_TRAINER_H

#include <stdbool.h>
#include <stdint.h>

#include "data/protocol.h"
#include "data/sids.h"
#include "gen/generator.h"
#include "nn/backend.h"
#include "policy/proposer.h"
#include "policy/grpo.h"
#include "policy/perturb.h"
#include "policy/reward.h"
#include "policy/rl_prompts.h"
#include "policy/rollout.h"
#include "train/learner.h"

typedef struct {
    policy_objective_t objective;
    reward_options_t reward;           /* its occurrences are found here */
    bool standardise;                  /* advantages */
    double supervised;                 /* weight of the target's own loss */
    candidates_kind_t candidates;
    sampler_t sampler;
    prompts_kind_t prompts;
    perturb_options_t perturb;
    int64_t group, prompts_per_step, inner_steps;
    double temperature, epsilon, beta; /* of the logits, the clip and the KL penalty */
    double epochs;                     /* passes over the prompts */
    update_options_t update;           /* its lr is the peak */
    int64_t warmup;                    /* updates */
    bool cosine;                       /* the rate falls to 0; else it stays */
    int64_t valid_users, valid_every, beam, patience; /* valid_every: steps */
    protocol_t protocol;               /* of validation */
    double max_kl, min_entropy, max_entropy;          /* bounds; entropies as shares of the reference's */
    int64_t shards;
    uint64_t seed;
} rl_options_t;

typedef struct {
    rl_options_t options;
    const backend_t *backend;
    const generator_t *start;       /* the supervised model: where the policy begins, and the frozen reference */
    const interactions_t *interactions; /* of the items of the start's SIDs, in the same order */
    const quality_t *quality;       /* NULL: the reward needs none */
    const blend_t *blend;           /* NULL: the candidates need none */
    int blind_count;                /* of PROMPTS_CROSS_FIT: models that draw, each of the same SIDs */
    const generator_t *blind;
    const char *fingerprint, *checkpoint;
    double save_seconds;
    const char *log;
} rl_job_t;

/* Why training ended. */
typedef enum { RL_RUNNING, RL_EPOCHS, RL_PATIENCE, RL_KL, RL_ENTROPY } rl_end_t;
extern const char *const rl_end_names[];

/* How the kept weights did; step 0 is the supervised model. */
typedef struct {
    int64_t step, steps_run, steps;
    rl_end_t end;
    bool validated;
    double hr10, ndcg10, start_hr10, start_ndcg10;
    double candidates_per_second; /* of this process, validation not counted */
} rl_result_t;

/* Trains (or goes on from the checkpoint) and returns the best weights by validation NDCG@10, the supervised model's among
 * them, the earliest of equals; without validation the last. A gradient that is not finite ends the process with EX_SOFTWARE. */
model_t *rl_train(const rl_job_t *job, rl_result_t *result);

#endif
