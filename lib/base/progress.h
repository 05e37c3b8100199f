/* Progress on stderr, with rate and time left; shown only on a terminal and never with -q. Messages
 * (base/err.h) wipe the meter's line first. */
#ifndef SIDMILL_BASE_PROGRESS_H
#define SIDMILL_BASE_PROGRESS_H

#include <stdint.h>

/* Starts a meter for `total` units (0: unknown). One meter at a time. `what` and `unit` must outlive it. Units that begin with
 * "bytes" are shown in MB. */
void progress_start(const char *what, const char *unit, int64_t total);
void progress_add(int64_t n);            /* from any thread; redraws at most ten times a second */
void progress_skip(int64_t n);           /* units that were there at the start: done, but no part of the rate */
void progress_note(const char *fmt, ...) __attribute__((format(printf, 1, 2))); /* text shown after the numbers */
void progress_end(void);                 /* wipes the meter's line */

/* Seconds since some fixed moment, monotonic. */
double seconds_now(void);

#endif
