/* Rewards of generated candidates and their advantages within a group (DeepInterestGR; sidmill-methods(7), 2). */
#ifndef SIDMILL_POLICY_REWARD_H
#define SIDMILL_POLICY_REWARD_H

#include <stdbool.h>
#include <stdint.h>

#include "data/catalogue.h"
#include "data/occurrences.h"
#include "data/st.h"
#include "gen/space.h"
#include "policy/draw.h"

/* What a candidate s earns for target item i; hit = 1[s is i's SID]:
 *   exact            hit
 *   exact+valid+lcp  hit + lambda_valid 1[s is some item's SID] + lambda_pref LCP(s, i) / L
 *   ungated          that + alpha q_j, j the item that s is, whatever the target
 *   gated            that + alpha q_i hit: quality pays only when the right item was generated
 *   suppress         hit (1 + alpha (2 q_i - 1)): hits of low quality are paid less
 *   rank             hit - w(rank) / sum_{r = 1..G} w(r) for what is no hit, w(r) = 1 / log2(r + 1), in groups that hold a hit
 *                    (MiniOneRec, arXiv 2510.24431): the likelier a wrong candidate was, the more it costs
 *   list             what the list of candidates, the likeliest first, has of its NDCG by each: NDCG with it less NDCG without. A hit
 *                    earns 1 / log2(its rank + 1), who stands before it costs what it pushes the hit down, who stands behind it 0
 *   graded           hit + gamma s_ij for what is no hit, s_ij = |A and B| / sqrt(|A| |B|), the cosine of the candidate's and the target's
 *                    sets of training histories: in [0, 1], so that with gamma < 1 a miss never earns what a hit does
 * An item without judged descriptors has no q and its quality term is 0. LCP counts leading equal codes of the L levels; suffixes
 * never count; a candidate that is no item's SID keeps its LCP and earns nothing else. */
typedef enum { REWARD_EXACT, REWARD_EXACT_VALID_LCP, REWARD_UNGATED, REWARD_GATED, REWARD_SUPPRESS, REWARD_RANK, REWARD_LIST, REWARD_GRADED } reward_kind_t;

extern const char *const reward_names[]; /* in that order, for CLI_CHOICE */
reward_kind_t reward_kind(const char *name);
bool reward_needs_quality(reward_kind_t kind);

typedef struct {
    reward_kind_t kind;
    double alpha, lambda_valid, lambda_pref, gamma;
    const occurrences_t *occurrences; /* of graded */
} reward_options_t;

/* q_i of every item: value [items] in [0, 1], judged [items] 0 where the item has none. */
typedef struct {
    float *value;
    uint8_t *judged;
} quality_t;

/* Reads quality/1 of the catalogue's items; anything else ends the process with EX_DATAERR. */
quality_t quality_read(const st_file_t *f, const catalogue_t *c);
void quality_free(quality_t *q);

/* A reward is the sum of its terms, each weighted already. */
enum { TERM_EXACT, TERM_VALID, TERM_LCP, TERM_QUALITY, TERM_RANK, TERM_LIST, TERM_GRADE, REWARD_TERMS };
extern const char *const reward_term_names[REWARD_TERMS];

typedef struct {
    double term[REWARD_TERMS];
} reward_t;

double reward_sum(const reward_t *r);

/* Leading codes that the candidate shares with the item, at most L. */
int sid_common_codes(const space_t *space, int32_t item, const draw_t *draw);

/* Rewards of a group's n candidates for one target. `q` may be NULL where the reward needs none. */
void reward_group(const reward_options_t *o, const space_t *space, const quality_t *q, int32_t target, int n, const draw_t *draws,
                  reward_t *rewards);

/* A_g = r_g - mean, which `standardise` divides by the population standard deviation + 1e-6; exactly 0 in a group of equal rewards, of
 * which false tells. */
bool reward_advantages(int n, const reward_t *rewards, bool standardise, double *advantages);

#endif
