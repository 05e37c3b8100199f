/* A source whose first bytes are looked at before they are read: what a file is, its first bytes say. */
#ifndef SIDMILL_BASE_PEEK_H
#define SIDMILL_BASE_PEEK_H

#include <stdbool.h>

#include "base/in.h"

enum { PEEK = 512 /* where tar's magic lies within */ };

typedef struct {
    byte_source_t base, *inner;
    size_t n, at;             /* bytes of `first`; how many of them have been read */
    bool refused;             /* set by who looked: reading fails for the reason that base.why says */
    char first[PEEK];
} peek_t;

/* Takes `inner` over and reads up to PEEK bytes of it, which come again. A failure comes again when the bytes before it have
 * been read. Closed, and freed, through `base`. */
peek_t *peek(byte_source_t *inner);

#endif
