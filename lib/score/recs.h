/* Ranked lists as files: recs/1, or the text that others write (recs_open.h). Anyone's lists can be scored (lists.h). */
#ifndef SIDMILL_SCORE_RECS_H
#define SIDMILL_SCORE_RECS_H

#include <stdint.h>

#include "base/spool.h"
#include "data/st.h"
#include "data/strtab.h"

/* recs/1: `items` I32 [C, k] (best first, rows of `item_ids`, -1 behind the end), `scores` F32 [C, k] (optional here), `user_ids`,
 * `item_ids`; and where some user has a list for each of several cases, `case_offsets` and `place` (score/held_out.h). Lists stay in
 * their file and are read one at a time: memory grows with users and items, not with places. */
typedef struct {
    char *name, *digest;         /* of the file */
    int64_t lists, k;            /* how many; places of the longest */
    strtab_t user_ids, item_ids; /* indexed */
    int64_t *case_offsets;       /* [users + 1] of lists, NULL: each user has one */
    int64_t *place;              /* [lists] of the case in the user's history, where there are case_offsets */
    st_file_t *file;             /* recs/1 that recs_free() closes; NULL: none */
    const st_tensor_t *items;    /* [lists, k] of recs/1; NULL: text */
    spool_t places;              /* text: int32, list behind list */
    int64_t *offsets;            /* [lists + 1] in `places` */
} recs_t;

/* The lists of recs/1, borrowed. Shapes that are wrong, and ids that repeat, end the process with EX_DATAERR. */
recs_t recs_read(const st_file_t *f);

/* The list of a row: items [k], rows of item_ids, -1 behind its end. Returns its length. A row outside item_ids, or an item behind
 * the end, ends the process with EX_DATAERR. */
int64_t recs_list(const recs_t *r, int64_t row, int32_t *items);

/* The row of the list that a user, a row of user_ids, has for a case behind so many items of the history; -1: none. */
int64_t recs_row(const recs_t *r, int64_t user, int64_t items_before);

/* Reads all lists for what recs_list() refuses. */
void recs_check(const recs_t *r);

/* Gives memory back that lists of a mapped file take. */
void recs_release(const recs_t *r);
void recs_free(recs_t *r);

#endif
