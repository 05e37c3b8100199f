/* What every system is asked: the cases of a split, each a history and the item held out behind it. */
#ifndef SIDMILL_SCORE_HELD_OUT_H
#define SIDMILL_SCORE_HELD_OUT_H

#include "data/interactions.h"
#include "score/ranker.h"
#include "score/strata.h"

typedef struct {
    st_file_t *file; /* interactions/2 */
    interactions_t x;
    int64_t n, skipped;   /* cases asked about; users of the file that have none in the split */
    case_t *cases;        /* [n] by user and place */
    int64_t *users;       /* [n] their users, rows of x */
    int64_t askers;       /* users that have a case */
    history_t *histories; /* [n], with their targets */
    strata_t strata;      /* of x's items */
} held_out_t;

/* Reads the file and draws `users` of its users by `seed` (data/sample.h; 0: all), of whom all cases are asked about. Where no
 * user has one, the process ends with EX_DATAERR. */
held_out_t held_out_open(const char *path, split_t split, int64_t users, uint64_t seed);
void held_out_close(held_out_t *h);

/* What n counts, in words: "users" where each has one case, else "cases". */
const char *held_out_unit(const held_out_t *h);

/* The cases as those who ask; borrowed from h. */
ranker_query_t held_out_query(const held_out_t *h, int width);

/* Adds whose the cases are, to a file with a row a case (ranks/1, recs/1): `user_ids`, and where some user has several,
 * `case_offsets` I64 [users + 1] and `place` I64 [n], that of the held-out item in the history. What is added is borrowed from
 * *owned until st_commit(). */
typedef struct {
    strtab_t user_ids;
    int64_t *case_offsets, *place;
    int32_t *stratum;
} held_out_rows_t;
void held_out_add(st_writer_t *w, const held_out_t *h, held_out_rows_t *owned);

/* Adds, after that, `stratum` I32 [n] of the held-out items (score/strata.h). */
void held_out_add_strata(st_writer_t *w, const held_out_t *h, held_out_rows_t *owned);
void held_out_rows_free(held_out_rows_t *r);

#endif
