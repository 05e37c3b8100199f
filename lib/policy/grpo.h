/* Group relative policy optimisation of a generator (Shao et al. 2024; sidmill-methods(7), 2): loss and gradient of groups of
 * candidates. For a kept group of G candidates o_g with advantages A_g,
 *
 *   J = 1/G sum_g 1/|o_g| sum_t [ min(rho_gt A_g, clip(rho_gt, 1 - eps, 1 + eps) A_g) - beta KL_gt ]
 *   rho_gt = pi(o_gt | ...) / pi_old(o_gt | ...),   KL_gt = sum_{a allowed} pi(a | ...) log(pi(a | ...) / pi_ref(a | ...))
 *
 * where all distributions are softmax(logits / temperature) over the tokens that the sampler allowed there. A token that alone
 * was allowed counts in |o_g|, its ratio is 1 and its KL 0. The loss is -J, the mean over groups. No dropout.
 *
 * In its place may stand a preference for the prompt's target w over the candidates l that are something else (S-DPO, Chen et al.
 * 2024, arXiv 2406.09215), a softmax over them:
 *
 *   loss = -log sigmoid(-log sum_l w_l exp(beta (D_l - D_w))),   D_o = log pi(o) - log pi_ref(o)
 *
 * with w_l = 1 or, by rank, 1 / log2(r_l + 1) scaled to a mean of 1, r_l the place of l among all candidates by their probability
 * when drawn; a group that holds nothing but the target has no loss. Beside either, a supervised term: -s log pi(w). */
#ifndef SIDMILL_POLICY_GRPO_H
#define SIDMILL_POLICY_GRPO_H

#include <stdbool.h>
#include <stdint.h>

#include "data/interactions.h"
#include "gen/space.h"
#include "nn/transformer.h"
#include "policy/draw.h"

typedef enum { OBJECTIVE_GRPO, OBJECTIVE_SDPO, OBJECTIVE_SDPO_RANK } policy_objective_t;

extern const char *const policy_objective_names[]; /* in that order, for CLI_CHOICE */
policy_objective_t policy_objective(const char *name);

typedef struct {
    policy_objective_t objective;
    double temperature;
    double epsilon;    /* of the clip */
    double beta;       /* of the KL penalty, or of the preference */
    double supervised; /* weight s */
    int group;         /* candidates a group */
} grpo_options_t;

/* One prompt with its candidates. */
typedef struct {
    const history_t *prompt;
    const draw_t *draws;      /* [group] */
    const draw_t *target;     /* not drawn, of the objectives and terms that know it */
    const double *advantages; /* [group] */
    double *old;              /* [group, SID_MAX_TOKENS] log pi_old of every token, written by the first pass */
    double weight;            /* of its loss; 0: only its target is learnt from */
} grpo_group_t;

/* Sums over the generated tokens where there was a choice; `loss` and `supervised`, a part of it, are weighted as the gradient is. */
typedef struct {
    double loss, supervised, kl, entropy, reference_entropy; /* entropies of pi and pi_ref */
    int64_t tokens, clipped;
} grpo_stats_t;

/* One worker's space. The allowed sets are those of `space`, whose softmax must be the sampler's. */
typedef struct grpo grpo_t;
grpo_t *grpo_new(const network_t *policy, const network_t *reference, const space_t *space, const grpo_options_t *o);
void grpo_free(grpo_t *g);

/* Adds the gradient of n groups' losses, each by its own weight, and of `weight` times their supervised terms, to `grads`, and to *stats. Many groups are taken a few at a time, so that
 * space does not grow with their number. In a `first` pass pi_old is pi: it fills `old`, and all ratios are 1. Every history is
 * encoded once, forwards and backwards, for its candidates and, in a timeline, for the prompts next to it that go on from it. */
void grpo_backward(grpo_t *g, int64_t n, const grpo_group_t *groups, bool first, double weight, grads_t *grads,
                   grpo_stats_t *stats);

#endif
