/* Beam search over the trie of SIDs. A history is encoded once; its beams share that key/value cache, and the beams of many
 * histories are advanced as one matrix product (gen/stepper.h). */
#ifndef SIDMILL_GEN_DECODER_H
#define SIDMILL_GEN_DECODER_H

#include <stdint.h>

#include "data/interactions.h"
#include "gen/space.h"
#include "gen/trail.h"
#include "train/loan.h"
#include "nn/transformer.h"
#include "select/item_set.h"

enum { DECODER_BATCH = 32 }; /* histories decoded together */

typedef struct decoder decoder_t;

/* Borrows both; the network's weights may change between calls (after network_sync()). All logits are divided by
 * `temperature`. */
decoder_t *decoder_new(const network_t *net, const space_t *space, double temperature);
void decoder_free(decoder_t *d);

/* In lists to come, history i gets items of within[i] alone, a set over the space's trie; NULL, there or for all, as at first: any.
 * The search goes only where they are, so that there are as many as the beam is wide, or all. Scores are what they are among all
 * items. Borrowed. */
void decoder_restrict(decoder_t *d, const item_set_t *const *within);

/* In lists to come, trails[i], an empty one, becomes the way to list i; NULL, there or for all, as at first: nothing is
 * taken down. Borrowed. */
void decoder_follow(decoder_t *d, trail_t *const *trails);

/* The model's tables are split: before each level of a search the rows that it reads are fetched, and are gone after a batch a worker.
 * All ranks then call decoder_topk() as often, with other histories or none. NULL, as at first: all rows are there. Borrowed. */
void decoder_lend(decoder_t *d, loan_t *loan);

/* The k best items of each of n histories, the last max_items of each read: items [n, k] (-1 where none is left), scores
 * [n, k] = sum of log-probabilities (-INFINITY where none), no length normalisation, ties by item index. A finished SID keeps
 * its place in the beam and competes. Where `spare` is not 0, a history's beam is at least so wide that `spare` items remain
 * when its met items, of all the history, are left out: spare + their number, or the catalogue. 1 <= k, and k <= beam where
 * spare is 0. Parallel over fixed batches; equal bytes for any number of threads. */
void decoder_topk(decoder_t *d, int64_t n, const history_t *histories, int beam, int spare, int k, int32_t *items, float *scores);

/* Unconstrained decoding (any code of a level may follow): the share of the n * beam best sequences that are no item's SID.
 * Means something only for models trained with the level softmax. */
double decoder_invalid_rate(decoder_t *d, int64_t n, const history_t *histories, int beam);

#endif
