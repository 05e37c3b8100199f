/* The answer cache: replies that were paid for, by a digest of all that shaped them. One SQLite file, which several
 * processes may share, and which holds neither requests nor keys of servers. Killed at any moment, a process loses at
 * most what it has not committed. Its memory does not grow with the number of answers. */
#ifndef SIDMILL_SERVER_ANSWERS_H
#define SIDMILL_SERVER_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

typedef struct {
    unsigned char bytes[16]; /* xxh3-128, canonical */
} answers_key_t;

typedef struct answers answers_t;

/* Opens or makes the cache at `path`; "none": no cache, NULL is returned, and get() finds nothing. NULL: the user's own,
 * $XDG_CACHE_HOME/sidmill/answers.db or ~/.cache/sidmill/answers.db, in a folder made as needed. A file that is damaged or
 * something else ends the process with its name (EX_DATAERR), as does one that cannot be made (EX_CANTCREAT) or a full disk
 * (EX_IOERR), here and in the calls below. */
answers_t *answers_open(const char *path);

/* Replaces `out` by the reply and returns true, or returns false where there is none. */
bool answers_get(answers_t *a, answers_key_t key, buf_t *out);

/* Keeps a reply; safe after answers_commit(). An answer that is there already stays. Other processes wait between the two:
 * commit before anything that takes time. */
void answers_put(answers_t *a, answers_key_t key, const void *reply, size_t n);
void answers_commit(answers_t *a);

void answers_close(answers_t *a);

#endif
