/* The preference of a target over candidates that are something else (S-DPO; equations in policy/grpo.h). */
#ifndef SIDMILL_POLICY_PREFERENCE_H
#define SIDMILL_POLICY_PREFERENCE_H

#include <stdbool.h>

#include "policy/draw.h"

/* Of n candidates and, behind them, the target, with apart [n + 1] = log pi - log pi_ref of each: the loss, and its gradient by log pi,
 * pull [n + 1]; 0 for candidates that are the target. `by_rank`: the likelier a wrong one was when drawn, the more it counts. */
double preference(int n, const draw_t *draws, int32_t target, bool by_rank, double beta, const double *apart, double *pull);

#endif
