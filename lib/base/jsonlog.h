/* --log FILE.jsonl: one JSON object a line, flushed as it is written. */
#ifndef SIDMILL_BASE_JSONLOG_H
#define SIDMILL_BASE_JSONLOG_H

#include <stdint.h>

/* Opens the log (NULL: none, and jsonlog() does nothing), anew with keep < 0. A resumed run keeps the first `keep` bytes,
 * which its checkpoint remembers: lines written after the checkpoint will be written again. */
void jsonlog_open(const char *path, int64_t keep);

/* Appends one line; fmt must produce one JSON object. A full disk ends the process (EX_IOERR). */
void jsonlog(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The log's size so far, for a checkpoint; 0 where there is none or it is no regular file. */
int64_t jsonlog_bytes(void);

void jsonlog_close(void);

#endif
