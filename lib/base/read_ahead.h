/* A source read by a thread of its own, so that reading it runs beside the work on what was read. */
#ifndef SIDMILL_BASE_READ_AHEAD_H
#define SIDMILL_BASE_READ_AHEAD_H

#include "base/in.h"

/* Takes `inner` over. It is read in one thread, some buffers ahead; bytes and failures come out in its order. Closing waits
 * until a read in progress has ended. */
byte_source_t *read_ahead(byte_source_t *inner);

#endif
