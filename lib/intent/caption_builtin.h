/* The `builtin` caption engine: the item's image labels, and a picture's visible facts (intent/caption_sentence.h). No network, no
 * weights. */
#ifndef SIDMILL_INTENT_CAPTION_BUILTIN_H
#define SIDMILL_INTENT_CAPTION_BUILTIN_H

#include "intent/caption_engine.h"

/* Starts the workers. Captions begin with the labels, which say what the thing is; without a picture they are all there is. */
caption_engine_t *caption_builtin(const caption_limits_t *limits);

#endif
