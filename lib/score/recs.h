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

#endif
