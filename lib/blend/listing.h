/* Lists of a mixture for many histories, a chunk at a time: met items are left out where the mixture's protocol says so. */
#ifndef SIDMILL_BLEND_LISTING_H
#define SIDMILL_BLEND_LISTING_H

#include <stdint.h>

#include "blend/blend.h"
#include "blend/mixer.h"

/* Takes the list of history i: n items, the best first. */
typedef void (*listing_fn)(void *ctx, int64_t i, const int32_t *items, int64_t n);

/* Calls fn for each of n histories, in order, with at most k items by `m`, a mixer of b, by `how`. */
void listing_each(const blend_t *b, mixer_t *m, const mixing_t *how, int64_t n, const history_t *histories, int beam, int64_t k,
                  listing_fn fn, void *ctx);

#endif
