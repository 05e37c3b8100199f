/* The task of recommendation: a user's training history as tokens, every item that follows another a target. */
#ifndef SIDMILL_GEN_HISTORIES_H
#define SIDMILL_GEN_HISTORIES_H

#include "data/interactions.h"
#include "gen/hold_back.h"
#include "gen/sequences.h"

/* Cuts every user's training history into windows of at most space->max_items items (in a timeline one more, which is only
 * predicted), so that every interaction is a target exactly once; windows after the first begin with max_items / 2 items of context, which are only read. What is held back is in
 * none. Windows are in user order. A window's rows are BOS and every SID token but the last item's last, or in a timeline BOS and
 * every item but the last; each token of a target is scored where it is predicted. `targets` counts items. Borrows x and the
 * space. */
sequence_task_t histories_task(const interactions_t *x, const space_t *space, hold_back_t hold);

#endif
