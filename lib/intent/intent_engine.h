/* What mine-intent knows of its engines and judges: an item's evidence in, intents out; intents in, labels on them. Answers
 * may come during the call or later, in any order: an engine that asks a model keeps many requests in flight. */
#ifndef SIDMILL_INTENT_INTENT_ENGINE_H
#define SIDMILL_INTENT_INTENT_ENGINE_H

#include "intent/intents.h"
#include "text/item_text.h"

/* Called exactly once an item: with its intents (the receiver takes what is in them), or with why there are none. */
typedef void (*intent_mined_fn)(void *ctx, intents_t *mined, const char *error);

typedef struct intent_engine intent_engine_t;
struct intent_engine {
    /* Mines an item. The evidence stays valid until `done` was called. */
    void (*mine)(intent_engine_t *e, const evidence_t *evidence, intent_mined_fn done, void *ctx);
    void (*free)(intent_engine_t *e);
};

/* Called exactly once: every intent has its label, or why they have not (then none has). */
typedef void (*intent_judged_fn)(void *ctx, const char *error);

typedef struct intent_judge intent_judge_t;
struct intent_judge {
    /* Sets the label of every intent. Evidence and intents stay valid until `done` was called. */
    void (*judge)(intent_judge_t *j, const evidence_t *evidence, intents_t *intents, intent_judged_fn done, void *ctx);
    void (*free)(intent_judge_t *j);
};

#endif
