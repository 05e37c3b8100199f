/* Which users' last training interaction supervised training leaves out, so that policy training meets targets that the model has
 * not learnt by heart. */
#ifndef SIDMILL_GEN_HOLD_BACK_H
#define SIDMILL_GEN_HOLD_BACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"

typedef struct {
    double share; /* of the users; 0: none */
    uint64_t seed;
} hold_back_t;

/* Of a user whose training history holds `count` items: something must remain before the one held back. */
static inline bool holds_back(hold_back_t h, int64_t user, int64_t count)
{
    return h.share > 0 && count >= 2 && rng_uniform(rng_stream(h.seed, "hold-back"), (uint64_t)user) < (float)h.share;
}

#endif
