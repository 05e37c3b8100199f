/* The shared patterns by hand: what PCRE2 finds, several times faster. */
#ifndef SIDMILL_BPE_SCANNER_H
#define SIDMILL_BPE_SCANNER_H

#include "bpe/classes.h"
#include "bpe/pattern.h"

/* The end of the match that begins at `s` in text up to `end`, which is valid UTF-8 and not empty; `kind` is a shared pattern. They
 * match everywhere. */
const char *scan(pattern_kind_t kind, classes_t *c, const char *s, const char *end);

#endif
