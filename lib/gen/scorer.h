/* What a generator thinks of given items: their log-probabilities after a history, whether or not a beam would find them. The
 * prefixes that a history's items share are computed once. */
#ifndef SIDMILL_GEN_SCORER_H
#define SIDMILL_GEN_SCORER_H

#include <stdint.h>

#include "data/interactions.h"
#include "gen/space.h"
#include "nn/transformer.h"

typedef struct scorer scorer_t;

/* Borrows both; the network's weights may change between calls (after network_sync()). All logits are divided by
 * `temperature`. */
scorer_t *scorer_new(const network_t *net, const space_t *space, double temperature);
void scorer_free(scorer_t *s);

/* Scores, for history i of n, items[offsets[i] .. offsets[i + 1]), in any order and with repeats: scores [offsets[n]], each the
 * sum of the log-probabilities of the item's tokens as decoder_topk() counts them. Every distinct prefix of a history's items
 * costs a row of a step. Parallel over fixed batches; equal bytes for any number of threads. */
void scorer_run(scorer_t *s, int64_t n, const history_t *histories, const int64_t *offsets, const int32_t *items, float *scores);

#endif
