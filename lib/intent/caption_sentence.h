/* A picture's visible facts in one sentence, without a model. It names colours, the
 * background, a pattern, brightness and contrast, and how the object stands in the frame. It knows no things: what the
 * object is, the item's own words and labels must say. */
#ifndef SIDMILL_INTENT_CAPTION_SENTENCE_H
#define SIDMILL_INTENT_CAPTION_SENTENCE_H

#include "base/buf.h"
#include "vision/pixels.h"

/* Appends the sentence: ASCII, on one line, from a closed vocabulary, a function of the pixels alone. Reads such sentences again:
 * text/caption_text.h, intent/caption_rules.h. */
void caption_sentence(const pixels_t *p, buf_t *out);

#endif
