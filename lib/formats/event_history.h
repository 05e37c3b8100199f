/* Rows that hold a user's history as a list, and rows of one user that repeat it: folded into one history a user, whose
 * interactions come out once, as events. */
#ifndef SIDMILL_FORMATS_EVENT_HISTORY_H
#define SIDMILL_FORMATS_EVENT_HISTORY_H

#include "formats/event_source.h"

typedef struct event_history event_history_t;

event_history_t *event_history_new(void);

/* A row: whose it is, then its items in order. What was added since the last start is forgotten by the next. */
void event_history_start(event_history_t *h, const char *user, size_t n);
void event_history_add(event_history_t *h, const char *item, size_t n);

/* Folds the row into what is known of the user: a row that begins what is known, or that what is known begins, is the same
 * history; so is one whose first half and more is its end, as windows of a bounded length have it. Any other row goes behind
 * what is known. Takes 4 bytes of memory an interaction. */
void event_history_fold(event_history_t *h);

/* The next interaction that the last row has brought, its time the position in the history; false behind the last. */
bool event_history_next(event_history_t *h, event_t *e);

void event_history_free(event_history_t *h);

#endif
