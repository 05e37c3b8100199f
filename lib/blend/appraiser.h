/* What every part of a mixture gives to given items. */
#ifndef SIDMILL_BLEND_APPRAISER_H
#define SIDMILL_BLEND_APPRAISER_H

#include <stdint.h>

#include "blend/blend.h"
#include "gen/space.h"
#include "nn/transformer.h"

typedef struct appraiser appraiser_t;

/* Borrows all. `net` and `space` are the generator's, NULL without one. */
appraiser_t *appraiser_new(const blend_t *blend, const network_t *net, const space_t *space);
void appraiser_free(appraiser_t *a);

/* p [offsets[n], parts]: what each part of the mixture gives to items[offsets[i] .. offsets[i + 1]) after history i. Under
 * PROTOCOL_UNSEEN the generator's p(i) counts as p(i) / (1 - the sum over met items), and met items get 0 from all. Parallel;
 * equal bytes for any number of threads. */
void appraiser_run(appraiser_t *a, int64_t n, const history_t *histories, const int64_t *offsets, const int32_t *items,
                   double *p);

#endif
