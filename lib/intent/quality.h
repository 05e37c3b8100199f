/* The quality of an item: the confidence-weighted share of its descriptors that were judged good (sidmill-methods(7), 2.1). */
#ifndef SIDMILL_INTENT_QUALITY_H
#define SIDMILL_INTENT_QUALITY_H

#include "intent/intents.h"

typedef enum { QUALITY_NONE, QUALITY_KNOWN, QUALITY_BAD } intent_quality_t;

/* q = sum w y / sum w over the judged intents, w their confidence and y their label; all weights are 1 where no judged
 * intent has a confidence. QUALITY_NONE: no intent is judged, q is 0. QUALITY_BAD: *why says that some have a confidence and
 * others not, or that the weights add up to 0. */
intent_quality_t quality_of(const intents_t *x, double *q, const char **why);

#endif
