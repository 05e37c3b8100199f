/* interactions/1: every user's items in the order they were met, and the leave-last-out split over them. */
#ifndef SIDMILL_DATA_INTERACTIONS_H
#define SIDMILL_DATA_INTERACTIONS_H

#include <stdint.h>

#include "data/st.h"
#include "data/strtab.h"

typedef struct {
    int64_t users, events, items;
    int64_t *user_offsets; /* [users + 1], ascending, from 0 to events */
    int32_t *item_index;   /* [events], each in [0, items) */
    int64_t *timestamp;    /* [events], or NULL where the file has none */
    strtab_t user_ids, item_ids;
} interactions_t;

/* Reads and checks; any disagreement ends the process with EX_DATAERR. */
interactions_t interactions_read(const st_file_t *f);
void interactions_add(st_writer_t *w, const interactions_t *x); /* adds the tensors of the schema */
void interactions_free(interactions_t *x);

/* Leave-last-out, per user with >= 3 events: train sees all but the last two; valid predicts the penultimate from what
 * precedes it; test predicts the last from all before it. */
typedef enum { SPLIT_TRAIN, SPLIT_VALID, SPLIT_TEST } split_t;

typedef struct {
    const int32_t *items; /* [count], oldest first; borrowed */
    int64_t count;
    int32_t target;       /* the item to predict, -1 for train */
} history_t;

/* Fills *h with a user's history in a split. Returns false for users with fewer than 3 events, which are skipped. */
bool interactions_history(const interactions_t *x, int64_t user, split_t split, history_t *h);

/* Number of training events of each item: [items]. Caller frees. */
int64_t *interactions_popularity(const interactions_t *x);

#endif
