/* Met items: those that a history holds; and lists that leave them out. */
#ifndef SIDMILL_DATA_MET_H
#define SIDMILL_DATA_MET_H

#include <stdbool.h>
#include <stdint.h>

#include "data/interactions.h"

/* Marks over the items, for one history at a time. */
typedef struct {
    int64_t items, round; /* round: number of the history at hand */
    int64_t *last;        /* [items] the last round in which the item was met, 0: none */
} met_t;

met_t met_new(int64_t items);
void met_free(met_t *m);

/* Takes up a history in place of the one before; returns the number of its distinct items. */
int64_t met_take(met_t *m, const history_t *h);

/* False for what is no item of the catalogue. */
bool met_holds(const met_t *m, int32_t item);

/* Leaves met items out of a list of k places, which -1 ends: the others move to the front in their order. `scores` goes along
 * where it is not NULL. Returns how many remain; what lies beyond them means nothing. */
int64_t met_leave_out(const met_t *m, int64_t k, int32_t *items, float *scores);

/* How many of the next n >= 1 histories to ask for lists at once, so that the lists' memory does not grow with users times
 * longest history: as many as some millions of places take, at least one. *places is the length that `spare` items of any of
 * their lists remain in when met ones are left out: spare + the most distinct items of a history, at least k. */
int64_t met_chunk(met_t *m, int64_t n, const history_t *histories, int64_t k, int64_t spare, int64_t *places);

#endif
