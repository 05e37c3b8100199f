/* Histories that a model has not learnt by heart, made of those that it has: their beginning cut off, items left out, items replaced by
 * others that share all codes but the last. */
#ifndef SIDMILL_POLICY_PERTURB_H
#define SIDMILL_POLICY_PERTURB_H

#include <stdint.h>

#include "data/interactions.h"
#include "data/sids.h"

typedef struct {
    double cut;  /* rate of histories that lose a beginning, of any length, none among them, that leaves an item */
    double drop; /* rate of items left out; one stays */
    double swap; /* rate of items replaced, where there are such others; never by the target */
} perturb_options_t;

typedef struct perturb perturb_t;

/* Borrows the SIDs. */
perturb_t *perturb_new(const perturb_options_t *o, const sids_t *sids);
void perturb_free(perturb_t *p);

/* Writes what is left of a history of one item or more, as drawn by `key`, to items [h->count]; returns it, with the same target. */
history_t perturb_history(const perturb_t *p, const history_t *h, uint64_t key, int32_t *items);

#endif
