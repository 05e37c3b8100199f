/* --log FILE.jsonl: one JSON object a line, flushed as it is written. */
#ifndef SIDMILL_BASE_JSONLOG_H
#define SIDMILL_BASE_JSONLOG_H

#include <stdint.h>

/* How far a log has come, for a checkpoint to remember. */
typedef struct {
    int64_t bytes;
    int64_t digest; /* of those bytes; below 2^53, so that a double holds it */
} jsonlog_mark_t;

/* Opens the log (NULL, or in a rank from 1 on: none, and jsonlog() does nothing), anew without a mark. A resumed run gives its
 * checkpoint's mark: a file that begins with the marked bytes is cut back to them, as the lines after them will be written again. Any other file
 * is replaced, as by a run that begins; with a warning if the mark tells of lines. Pipes and devices are written on. */
void jsonlog_open(const char *path, const jsonlog_mark_t *mark);

/* Appends one line; fmt must produce one JSON object. A full disk ends the process (EX_IOERR). */
void jsonlog(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* The open log's mark; zeros where there is none, or where it is a pipe or a device. */
jsonlog_mark_t jsonlog_mark(void);

/* Closes the log, if there is one. A full disk ends the process (EX_IOERR). */
void jsonlog_close(void);

#endif
