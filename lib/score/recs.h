/* Ranked lists as files: recs/1, or the text that others write (recs_open.h). Anyone's lists can be scored (lists.h). */
#ifndef SIDMILL_SCORE_RECS_H
#define SIDMILL_SCORE_RECS_H

#include <stdint.h>

#include "base/spool.h"
#include "data/st.h"
#include "data/strtab.h"

/* recs/1: `items` I32 [U, k] (best first, rows of `item_ids`, -1 behind the end), `scores` F32 [U, k] (optional here), `user_ids`,
 * `item_ids`. Lists stay in their file and are read one at a time: memory grows with users and items, not with places. */
typedef struct {
    char *name, *digest;         /* of the file */
    int64_t users, k;            /* lists; places of the longest */
    strtab_t user_ids, item_ids; /* indexed */
    st_file_t *file;             /* recs/1 that recs_free() closes; NULL: none */
    const st_tensor_t *items;    /* [users, k] of recs/1; NULL: text */
    spool_t places;              /* text: int32, list behind list */
    int64_t *offsets;            /* [users + 1] of lists in `places` */
} recs_t;

/* The lists of recs/1, borrowed. Shapes that are wrong, and ids that repeat, end the process with EX_DATAERR. */
recs_t recs_read(const st_file_t *f);

/* The list of a row: items [k], rows of item_ids, -1 behind its end. Returns its length. A row outside item_ids, or an item behind
 * the end, ends the process with EX_DATAERR. */
int64_t recs_list(const recs_t *r, int64_t row, int32_t *items);

/* Reads all lists for what recs_list() refuses. */
void recs_check(const recs_t *r);

/* Gives memory back that lists of a mapped file take. */
void recs_release(const recs_t *r);
void recs_free(recs_t *r);

/* Adds the tensors of recs/1; `user_ids` are those of the n users. The data is borrowed until st_commit(). */
void recs_add(st_writer_t *w, int64_t n, int64_t k, const int32_t *items, const float *scores, const strtab_t *user_ids,
              const strtab_t *item_ids);

#endif
