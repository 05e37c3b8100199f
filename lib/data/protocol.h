/* Which items of a list count: all, or those that the history does not hold. Numbers of the two are no match for each other. */
#ifndef SIDMILL_DATA_PROTOCOL_H
#define SIDMILL_DATA_PROTOCOL_H

#include "data/interactions.h"

typedef enum { PROTOCOL_ALL, PROTOCOL_UNSEEN, PROTOCOLS } protocol_t;

/* By protocol_t; ended by NULL: "all", "unseen", as options and files have them; "all items", "met items left out". */
extern const char *const protocol_names[], *const protocol_words[];

/* What protocol_parse() reads: "auto", then the names. */
extern const char *const protocol_choices[];

/* Share of the training events whose item stands earlier in the same history; 0 where there are none. */
double protocol_repeats(const interactions_t *x);

/* The protocol of a name. "auto" is what fits the training histories: met items are left out where at most one event in a
 * thousand repeats an item, since there the item to come is a new one. x is looked at for "auto" only. */
protocol_t protocol_parse(const char *name, const interactions_t *x);

#endif
