/* What the sentences of `caption --engine builtin` tell of an item's use. They name colours, light and layout, no things;
 * they are read with a few rules of thumb about pictures: sky over grass is outdoors, a light warm wall over a floor is a room, dark is
 * evening, grey with upright lines is a street; and a palette goes with a look. */
#ifndef SIDMILL_INTENT_CAPTION_RULES_H
#define SIDMILL_INTENT_CAPTION_RULES_H

#include "intent/candidates.h"

/* Adds where the picture was taken, what its colours go with, and both joined to a property that the item's words name
 * ("keeping warm outdoors"). The candidates of the words must have been found. */
void caption_candidates(candidates_t *c, const char *caption);

#endif
