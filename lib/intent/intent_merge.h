/* Several models mined the same item: one list of intents from all of theirs (MLIM: sidmill-methods(7), 3). */
#ifndef SIDMILL_INTENT_INTENT_MERGE_H
#define SIDMILL_INTENT_INTENT_MERGE_H

#include "intent/intents.h"

/* Appends to `out` what the `models` lists say together. Descriptors that are equal by descriptor_fold() are one: its text is
 * the first list's, its confidence the mean over the lists that have it (to six decimals), its source theirs joined by "+",
 * and a further member `agreement` counts them. Order: by agreement, then confidence, then where it was met first. A list has
 * no descriptor twice. */
void intents_merge(const intents_t *lists, int models, intents_t *out);

#endif
