/* The builtin judge: documented rules in place of a model's verdict. A descriptor is good (1) if it is
 *   specific: 1 to 8 words, at least one of which has a meaning of its own, not only words of praise or of trade;
 *   actionable: it names a doing, an occasion, a place, a state to treat or someone it is for, by the lexicon, by an
 *     -ing form, or by a word such as "care" or "gifts"; and
 *   grounded: half of its words of meaning or more stand in the item's evidence, plural endings ignored, or a pattern of the
 *     lexicon that stands for it does; its confidence, where it has one, is at least 0.4. */
#ifndef SIDMILL_INTENT_JUDGE_BUILTIN_H
#define SIDMILL_INTENT_JUDGE_BUILTIN_H

#include "intent/candidates.h"
#include "intent/intent_engine.h"

/* What the rules say of one descriptor. */
typedef struct {
    bool specific, actionable, grounded;
} judge_verdict_t;

/* `evidence` holds the item's candidates, found without frequencies. */
judge_verdict_t builtin_verdict(const candidates_t *evidence, const intent_t *i);

intent_judge_t *builtin_judge(void);

#endif
