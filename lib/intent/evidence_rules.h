/* What the words of an item's evidence tell of its use: entries of the lexicon, purposes ("for ..."), states of skin and hair,
 * people who like things, and the years of films. */
#ifndef SIDMILL_INTENT_EVIDENCE_RULES_H
#define SIDMILL_INTENT_EVIDENCE_RULES_H

#include "intent/candidates.h"

/* How many items of the catalogue have a descriptor or a phrase; -1 where that is not known (then phrases are not cut). */
typedef int64_t (*candidates_frequency_fn)(const void *ctx, uint64_t key);

/* Finds the candidates of an item, in the order in which they stand in the evidence; those of equal text are one. Purposes
 * are cut to the longest beginning that at least three items of the catalogue have, else to their noun phrase. */
void candidates_find(candidates_t *c, const evidence_t *e, candidates_frequency_fn frequency, const void *ctx);

/* Calls count() with the key of everything whose frequency candidates_find() or a ranking may ask for; keys may repeat. The
 * item's candidates must have been found, without frequencies. */
void candidates_keys(const candidates_t *c, void (*count)(void *ctx, uint64_t key), void *ctx);

#endif
