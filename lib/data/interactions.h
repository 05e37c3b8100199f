/* interactions/2: every user's items in the order they were met, and the split over them; interactions/1, without a split of its
 * own, is read as leave-last-out. */
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
    uint8_t *phase;        /* [events] of phase_t, or NULL for leave-last-out */
    strtab_t user_ids, item_ids;
} interactions_t;

/* Reads and checks; any disagreement ends the process with EX_DATAERR. */
interactions_t interactions_read(const st_file_t *f);
void interactions_add(st_writer_t *w, const interactions_t *x); /* adds the tensors of the schema */
void interactions_free(interactions_t *x);

/* What an event is for: a user's first events may be trained on, and later ones are to be predicted, each from all that
 * precedes it. Of no phase: what is only read. */
typedef enum { PHASE_TRAIN, PHASE_VALID, PHASE_TEST, PHASE_NONE, PHASES } phase_t;

/* The phase of event `at` of a user's n, where the last is left out for the test and the last but one for validation. Users with
 * fewer than 3 events have none. */
phase_t phase_leave_last_out(int64_t at, int64_t n);

typedef enum { SPLIT_VALID = PHASE_VALID, SPLIT_TEST = PHASE_TEST } split_t;

typedef struct {
    const int32_t *items; /* [count], oldest first; borrowed */
    int64_t count;
    int32_t target;       /* the item to predict, -1: none */
} history_t;

/* Fills *h with what of a user's history may be trained on. Returns false where there is nothing. */
bool interactions_training(const interactions_t *x, int64_t user, history_t *h);

/* A question of a split: which item did the user meet at that place of the history? */
typedef struct {
    int64_t user, at;
} case_t;

/* A user's cases: the events of the split that others precede. Fills `at` with their places, oldest first, unless it is NULL;
 * returns their number. */
int64_t interactions_cases(const interactions_t *x, int64_t user, split_t split, int64_t *at);

/* What precedes a case, and the item to predict. */
history_t interactions_case(const interactions_t *x, case_t c);

/* Number of training events of each item: [items]. Caller frees. */
int64_t *interactions_popularity(const interactions_t *x);

#endif
