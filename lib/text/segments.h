/* Words of scripts that put no blanks between them: Chinese, Japanese, Thai, Lao, Khmer, Burmese. */
#ifndef SIDMILL_TEXT_SEGMENTS_H
#define SIDMILL_TEXT_SEGMENTS_H

#include "text/tokens.h"

/* ICU's rules and dictionaries; starts as NULL, made when first needed. For one thread. */
typedef struct segmenter segmenter_t;

/* Joins the signs that stand next to each other in a text taken apart to the words that Unicode's rules (UAX #29, with ICU's
 * dictionaries) make of them. A sign that is a word by itself stays `solitary`. */
void segments_join(segmenter_t **s, tokens_t *t);

void segmenter_free(segmenter_t *s);

#endif
