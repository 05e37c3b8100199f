/* A trained generator over a catalogue: histories in, ranked items out, by beam search constrained to the trie of SIDs. */
#ifndef SIDMILL_SCORE_RECOMMENDER_H
#define SIDMILL_SCORE_RECOMMENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "data/interactions.h"
#include "data/sids.h"

typedef struct recommender recommender_t;

/* Opens a model/1 file and the sids/1 file it was trained with; a disagreement between them (levels, codes, suffixes) ends
 * the process with EX_DATAERR. `gemm` names the matrix backend: one of backend_names. */
recommender_t *recommender_open(const char *model_path, const char *sids_path, const char *gemm);
void recommender_close(recommender_t *r);

const sids_t *recommender_sids(const recommender_t *r);
bool recommender_trie_softmax(const recommender_t *r); /* trained with --softmax trie: unconstrained decoding means nothing */
const char *recommender_model_digest(const recommender_t *r);
const char *recommender_backend(const recommender_t *r);

/* The k best items of each of n histories (item indices, oldest first; an empty history is legal; only the last max-items
 * count): items [n, k] (-1: none left), scores [n, k] (sum of log-probabilities; ties by item index). 1 <= k <= beam.
 * Parallel over fixed batches of histories. */
void recommender_topk(const recommender_t *r, int64_t n, const history_t *histories, int beam, int k, int32_t *items, float *scores);

/* Share of the n histories' `beam` best sequences under unconstrained decoding that are no item's SID (a short, overlong or
 * unknown sequence). Only for models trained with the level softmax. */
double recommender_invalid_rate(const recommender_t *r, int64_t n, const history_t *histories, int beam);

#endif
