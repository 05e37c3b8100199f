/* Ranked lists as files, recs/1: anyone's lists can be scored (lists.h). */
#ifndef SIDMILL_SCORE_RECS_H
#define SIDMILL_SCORE_RECS_H

#include <stdint.h>

#include "data/st.h"
#include "data/strtab.h"

/* recs/1: `items` I32 [U, k] (best first, rows of `item_ids`, -1 none), `scores` F32 [U, k] (optional here), `user_ids`,
 * `item_ids`. */
typedef struct {
    int64_t users, k;
    int32_t *items;
    strtab_t user_ids, item_ids; /* indexed */
} recs_t;

/* Reads and checks; wrong shapes, rows outside item_ids, or repeated ids end the process with EX_DATAERR. */
recs_t recs_read(const st_file_t *f);
void recs_free(recs_t *r);

/* Adds the lists of n cases as recs/1 has them, borrowed until st_commit(). Whose they are is added apart (held_out_add()). */
void recs_add(st_writer_t *w, int64_t n, int64_t k, const int32_t *items, const float *scores, const strtab_t *item_ids);

#endif
