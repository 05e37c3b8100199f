/* The builtin engine: intents from an item's own words by rules and a lexicon, ranked by support and by how few items of the
 * catalogue have them; key-phrases of the item's cluster where its text names no purpose. No network, no weights. */
#ifndef SIDMILL_INTENT_INTENT_BUILTIN_H
#define SIDMILL_INTENT_INTENT_BUILTIN_H

#include "intent/intent_engine.h"
#include "intent/intent_fit.h"

typedef struct {
    int64_t max_intents;
    double min_confidence;
} intent_builtin_options_t;

/* Appends the item's intents, strongest first: confidence = (1 - prod over fields (1 - strength x field weight)) x
 * sqrt(1 - n / (N + 10)), n of the N items of the fit having the descriptor; rounded to 3 decimals. Descriptors below the
 * least confidence (half of it, where no other is found), and those whose words all stand in a stronger one or the other way round, are left out. The candidates
 * are scratch space. Not for use by several threads at once on one fit. */
void builtin_mine(const intent_builtin_options_t *o, const intent_fit_t *fit, const evidence_t *e, candidates_t *scratch,
                  intents_t *out);

/* The engine over a fit, which it frees. */
intent_engine_t *builtin_engine(const intent_builtin_options_t *o, intent_fit_t *fit);

/* How many items it has mined whose evidence is mostly in other scripts than Latin: rules and lexicon do not apply to it. */
int64_t builtin_foreign(const intent_engine_t *e);

#endif
