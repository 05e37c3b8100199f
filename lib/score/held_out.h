/* What every system is asked: the histories of a split's users, and the item held out from each. */
#ifndef SIDMILL_SCORE_HELD_OUT_H
#define SIDMILL_SCORE_HELD_OUT_H

#include "data/interactions.h"
#include "score/ranker.h"
#include "score/strata.h"

typedef struct {
    st_file_t *file; /* interactions/1 */
    interactions_t x;
    int64_t n, skipped;   /* users asked about; users of the file that are too short for a split */
    int64_t *users;       /* [n] rows of x, ascending */
    history_t *histories; /* [n], with their targets */
    strata_t strata;      /* of x's items */
} held_out_t;

/* Reads the file and draws `users` of its users by `seed` (data/sample.h; 0: all). Where no user is long enough, the process
 * ends with EX_DATAERR. */
held_out_t held_out_open(const char *path, split_t split, int64_t users, uint64_t seed);
void held_out_close(held_out_t *h);

/* The users as those who ask; borrowed from h. */
ranker_query_t held_out_query(const held_out_t *h, int width);

/* The ids of the n users. Caller frees. */
strtab_t held_out_user_ids(const held_out_t *h);

#endif
