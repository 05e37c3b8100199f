/* --log FILE.jsonl: one JSON object a line, flushed as it is written. */
#ifndef SIDMILL_BASE_JSONLOG_H
#define SIDMILL_BASE_JSONLOG_H

#include <stdbool.h>

/* Opens the log (NULL: none, and jsonlog() does nothing). With `append`, a resumed run goes on where the last one was cut. */
void jsonlog_open(const char *path, bool append);

/* Appends one line; fmt must produce one JSON object. A full disk ends the process (EX_IOERR). */
void jsonlog(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void jsonlog_close(void);

#endif
