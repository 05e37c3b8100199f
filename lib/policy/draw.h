/* A candidate SID that a policy generated. */
#ifndef SIDMILL_POLICY_DRAW_H
#define SIDMILL_POLICY_DRAW_H

#include <stdint.h>

#include "data/sids.h"

typedef struct {
    int32_t tokens[SID_MAX_TOKENS + 1];
    int32_t count;    /* tokens; one more than any SID has marks what is overlong */
    int32_t item;     /* the item whose SID they are; -1: none */
    float log_prob;   /* of all tokens, under the policy, allowed sets and temperature that drew them */
} draw_t;

/* A candidate's place among n by its probability, from 1; of equals the one drawn first stands before. */
int draw_rank(int n, const draw_t *draws, int which);

#endif
