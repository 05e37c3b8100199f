/* A mixture at work: histories in, items ranked by what all parts together give them. */
#ifndef SIDMILL_BLEND_MIXER_H
#define SIDMILL_BLEND_MIXER_H

#include <stdint.h>

#include "blend/blend.h"
#include "blend/unfolding.h"
#include "gen/space.h"
#include "nn/transformer.h"
#include "select/item_set.h"

typedef struct mixer mixer_t;

enum { MIXER_BATCH = 2048 }; /* histories taken together: a multiple of what generators take (gen/decoder.h) */

/* Borrows all. `net` and `space` are the generator's, NULL without one. `candidates` >= 1: of each part's best items. */
mixer_t *mixer_new(const blend_t *blend, const network_t *net, const space_t *space, int64_t candidates);
void mixer_free(mixer_t *m);

/* In lists to come, what training history own[i] has itself put into co-occurrence does not count for the i-th history, which is a
 * part of it (blend/sources.h); NULL, as at first: everything counts. Borrowed. */
void mixer_forget(mixer_t *m, const history_t *own);

/* In lists to come, history i gets items of within[i] alone, a set over the space's trie if there is one; NULL, there or for all, as
 * at first: any. Of few, each is scored by all parts. Borrowed. */
void mixer_restrict(mixer_t *m, const item_set_t *const *within);

/* In lists to come, unfoldings[i], an empty one, becomes how list i came about; NULL, there or for all, as at first: nobody asks. The
 * evidence is asked once more for each. Borrowed. */
void mixer_unfold(mixer_t *m, unfolding_t *const *unfoldings);

/* The k best items of each history by their scores (blend/mixing.h) under `how`; of an empty history by popularity. Candidates are
 * the generator's beam of `width` items (and `spare`: gen/decoder.h), the best of every part that counts, and met items where they
 * bear on others; each is scored by every part exactly, unless even the beam's last probability would not bring it among the k. A
 * list in which the generator has a part is, like a beam's, only as long as `width`, or as leaves `spare` unmet items.
 * items [n, k], -1 beyond the last; scores [n, k], 0 there; ties by item. Parallel; equal bytes for any number of threads. Progress
 * (base/progress.h) counts histories. */
void mixer_topk(mixer_t *m, const mixing_t *how, int64_t n, const history_t *histories, int width, int spare, int64_t k,
                int32_t *items, float *scores);

#endif
