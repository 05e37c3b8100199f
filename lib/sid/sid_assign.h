/* From codes to Semantic IDs that are unique: spreading items out of shared buckets, and giving new items free SIDs. */
#ifndef SIDMILL_SID_SID_ASSIGN_H
#define SIDMILL_SID_SID_ASSIGN_H

#include <stdint.h>

#include "data/sids.h"
#include "sid/quantiser.h"

/* Lets items that share all codes take another last-level code: of each bucket the item nearest to its code stays; the others,
 * nearest first, take the nearest code that no item with the same earlier codes has, if that raises the squared distance to
 * what the earlier levels left, r, by at most `bound` |r|^2 (`bound` < 0: no limit). `last` [items, latent] is r, as
 * quantiser_codes() gives it. Returns the number of items moved. In parallel. */
int64_t sids_spread(sids_t *s, const quantiser_t *q, const float *last, double bound);

/* What happened to the new items. */
typedef struct {
    int64_t added;   /* new items */
    int64_t moved;   /* that did not get the codes nearest to them */
    int64_t strayed; /* of those, whose earlier codes had to change as well: every last code was taken */
} sid_assign_t;

/* Adds items with latents [n, latent] and `ids` to s, whose own SIDs stay as they are. Each new item, in order, takes the
 * nearest last-level code whose SID is free: under `collide` a bucket that is empty, or whose items have suffixes and one is
 * left; under `always` one with a suffix left. Where no last code is free, the next nearest code of the level before is tried,
 * and so on upwards; a full catalogue ends the process with EX_DATAERR. s->item_ids grows; its index is dropped. */
sid_assign_t sids_add(sids_t *s, const quantiser_t *q, suffix_t how, int64_t n, const float *latents, const strtab_t *ids);

#endif
