/* Where a step's candidates come from: the policy, networks in its place that have not learnt a prompt's target, a blend, or the
 * policy and a blend by halves. Whoever has found them, they are then scored by the policy. */
#ifndef SIDMILL_POLICY_PROPOSER_H
#define SIDMILL_POLICY_PROPOSER_H

#include <stdint.h>

#include "blend/blend.h"
#include "data/interactions.h"
#include "gen/space.h"
#include "nn/transformer.h"
#include "policy/draw.h"
#include "policy/rollout.h"

/* own: as the sampler draws them from the policy; blend: the items that a blend ranks best; mix: the policy's first, then as many, or
 * one more of an odd number, that the blend ranks best of the others. Of a blend that counts unmet items only, none that the prompt
 * holds. */
typedef enum { CANDIDATES_OWN, CANDIDATES_BLEND, CANDIDATES_MIX } candidates_kind_t;

extern const char *const candidates_names[]; /* in that order, for CLI_CHOICE */
candidates_kind_t candidates_kind(const char *name);

/* A network, and what it generates: its own body's, with the softmax of the sampler. */
typedef struct {
    const network_t *net;
    const space_t *space;
} drawer_t;

typedef struct {
    candidates_kind_t kind;
    sampler_t sampler;
    int group;          /* candidates of a prompt, no more than there are items */
    double temperature;
    const blend_t *blend;   /* NULL where none is asked; the generator that it mixes in is the policy as it is now */
    int blind_count;        /* who draw in the policy's place; 0: it draws itself */
    const drawer_t *blind;  /* [blind_count], of the same items and vocabulary */
} proposer_options_t;

typedef struct proposer proposer_t;

/* Borrows all; the policy's weights may change between calls (after network_sync()). */
proposer_t *proposer_new(drawer_t policy, const proposer_options_t *o);
void proposer_free(proposer_t *p);

/* draws [n, group] of each prompt, those of prompt i by network by[i] where others draw; a blend counts nothing that own[i], the
 * training history which the prompt and its target are of, has put into co-occurrence. Their log_prob is the policy's, but for what
 * is no item's SID. Depends on the prompts, `key` and `first`, the number of the first prompt. Parallel; equal bytes for any number
 * of threads. */
void proposer_draw(proposer_t *p, int64_t n, const history_t *prompts, const history_t *own, const int32_t *by, uint64_t key,
                   int64_t first, draw_t *draws);

#endif
