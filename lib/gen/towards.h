/* What a model thinks on its way from a history to an item. */
#ifndef SIDMILL_GEN_TOWARDS_H
#define SIDMILL_GEN_TOWARDS_H

#include <stdint.h>

#include "gen/space.h"
#include "nn/transformer.h"

/* thoughts [levels, hidden_size]: the one before each of the item's codes, after those before it. For models that think. */
void thoughts_towards(const network_t *net, const space_t *space, const history_t *history, int32_t item, float *thoughts);

#endif
