/* The labels that a recognition service gave a picture, as text. */
#ifndef SIDMILL_INTENT_LABELS_H
#define SIDMILL_INTENT_LABELS_H

#include <cjson/cJSON.h>
#include <stdbool.h>

#include "base/buf.h"

enum { LABELS_MAX = 32, LABEL_MAX_LENGTH = 60 /* bytes */ };

/* Appends the strings of the array `labels` (may be NULL), joined by ", ": NFKC, lower case, blanks folded, without empty,
 * overlong and repeated ones, in alphabetical order (of bytes), so that one set of labels always gives one text; at most
 * the first LABELS_MAX of the array. False, adding nothing, where none is left. */
bool labels_text(const cJSON *labels, buf_t *out);

#endif
