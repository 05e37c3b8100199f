/* A trained generator over a catalogue: histories in, ranked items out, by beam search constrained to the trie of SIDs. */
#ifndef SIDMILL_SCORE_RECOMMENDER_H
#define SIDMILL_SCORE_RECOMMENDER_H

#include <stdbool.h>
#include <stdint.h>

#include "data/sids.h"
#include "gen/alignment.h"
#include "gen/hold_back.h"
#include "gen/space.h"
#include "nn/transformer.h"
#include "score/ranker.h"

typedef struct recommender recommender_t;

/* Opens a model/1 file and the sids/1 file it was trained with; a disagreement between them (levels, codes, suffixes) ends
 * the process with EX_DATAERR. `gemm` names the matrix backend: one of backend_names. */
recommender_t *recommender_open(const char *model_path, const char *sids_path, const char *gemm);

/* The recommender as a ranker, named "model": scores are sums of log-probabilities, ties by item index; only the last max-items
 * of a history count; 1 <= k <= width. Parallel over fixed batches of histories. Its free() closes the recommender. */
ranker_t *recommender_ranker(recommender_t *r);

const sids_t *recommender_sids(const recommender_t *r);
const network_t *recommender_network(const recommender_t *r);
const space_t *recommender_space(const recommender_t *r);
const alignment_t *recommender_alignment(const recommender_t *r); /* of its thoughts; NULL: there is none */
const char *recommender_tasks(const recommender_t *r); /* that it has learnt, as in generator_t; NULL: recommendation alone */
hold_back_t recommender_held_items(const recommender_t *r);
bool recommender_trie_softmax(const recommender_t *r); /* trained with --softmax trie: unconstrained decoding means nothing */
const char *recommender_model_digest(const recommender_t *r);
const char *recommender_backend(const recommender_t *r);

/* Share of the query's n * width best sequences, n >= 1, under unconstrained decoding that are no item's SID (a short, overlong
 * or unknown sequence). Only for models trained with the level softmax. */
double recommender_invalid_rate(const recommender_t *r, const ranker_query_t *q);

#endif
