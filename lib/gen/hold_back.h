/* Which users' last training interaction supervised training leaves out, so that policy training meets targets that the model has
 * not learnt by heart. Folds of one seed and share leave out that of different users. */
#ifndef SIDMILL_GEN_HOLD_BACK_H
#define SIDMILL_GEN_HOLD_BACK_H

#include <stdbool.h>
#include <stdint.h>

#include "base/rng.h"

enum { FOLDS_MOST = 1000 };

typedef struct {
    double share; /* of the users; 0: none */
    uint64_t seed;
    int64_t fold; /* from 0; share * fold < 1 */
} hold_back_t;

/* Of a user whose training history holds `count` items: something must remain before the one held back. */
static inline bool holds_back(hold_back_t h, int64_t user, int64_t count)
{
    if (!(h.share > 0) || count < 2) return false;
    const float at = rng_uniform(rng_stream(h.seed, "hold-back"), (uint64_t)user);
    return at >= (float)(h.share * (double)h.fold) && at < (float)(h.share * (double)(h.fold + 1));
}

#endif
