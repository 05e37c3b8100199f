/* Output that appears whole or not at all: a temporary file in the target's folder, fsync, rename. */
#ifndef SIDMILL_BASE_OUT_H
#define SIDMILL_BASE_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

typedef struct out out_t;

/* Opens `path` (NULL or "-": stdout) for writing. With `binary`, a terminal as stdout is refused (EX_USAGE). Failure to
 * create ends the process with EX_CANTCREAT. Of several ranks (base/ranks.h) the first alone writes; what the others write is gone. */
out_t *out_open(const char *path, bool binary);

/* Ends the process now where out_open() would later: for long work that writes at its end. Creates nothing. Returns true for
 * a path that out_commit() renames into place, false for a stream, device or pipe. */
bool out_check(const char *path, bool binary);

FILE *out_file(out_t *o);         /* for fprintf(); errors are found at out_commit() at the latest */
const char *out_name(const out_t *o);
void out_write(out_t *o, const void *bytes, size_t n);

/* Flushes and syncs, so that out_commit() only has a rename left to do: for tools whose several outputs belong together.
 * Nothing may be written afterwards. */
void out_prepare(out_t *o);

/* Flushes, and for a file syncs and renames it into place. Any error ends the process (EX_IOERR), the old file untouched. */
void out_commit(out_t *o);

/* Writes a whole small file in one go, atomically. */
void out_whole(const char *path, const void *bytes, size_t n);

/* Flushes a stdio stream and checks it: for tools that answer line by line. `name` is for the message. */
void out_flush(FILE *f, const char *name);

/* Removes the temporary files of all outputs not yet committed. Happens in die(), and on SIGINT, SIGTERM and SIGHUP once
 * out_catch_signals() was called. */
void out_discard_all(void);
void out_catch_signals(void);

/* For a forked child: forgets the parent's unfinished outputs, so that nothing the child does removes them. */
void out_disown_all(void);

#endif
