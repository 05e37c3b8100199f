/* Ranked lists and ranks as files: recs/1 (anyone's lists can be scored) and ranks/1 (what comparisons are made from). */
#ifndef SIDMILL_SCORE_RECS_H
#define SIDMILL_SCORE_RECS_H

#include <stdint.h>

#include "data/interactions.h"
#include "data/sids.h"
#include "data/st.h"

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

/* An item that a list names and the catalogue lacks: it keeps its place and is never right. */
enum { RECS_UNKNOWN = -2 };

/* The lists of `n` users of x as rows of x's items, [n, k]; users and items are matched by id, k <= r->k. A user without a
 * list ends the process with EX_DATAERR (`name` is the file's). Caller frees. */
int32_t *recs_match(const recs_t *r, const char *name, const interactions_t *x, const int64_t *users, int64_t n, int64_t k);

/* Adds the tensors of recs/1; `user_ids` are those of the n users. The data is borrowed until st_commit(). */
void recs_add(st_writer_t *w, int64_t n, int64_t k, const int32_t *items, const float *scores, const strtab_t *user_ids,
              const strtab_t *item_ids);

/* ranks/1: `rank` I32 [U] of each user's held-out item in a list of length k (0: not in it), `user_ids`; metadata `split`
 * and `k`, and of a model's ranks `sids_alone` and `sids_utilisation`. */
typedef struct {
    int64_t users, k; /* a file without metadata k counts as INT32_MAX: every cut is defined */
    char *split;      /* NULL where the file does not say */
    double alone, utilisation; /* of the SIDs (data/sids.h), the latter over all levels; NaN where the file does not say */
    int32_t *rank;
    strtab_t user_ids;
} ranks_t;

ranks_t ranks_read(const char *path);
void ranks_add(st_writer_t *w, int64_t n, int64_t k, const char *split, const int32_t *rank, const strtab_t *user_ids);

/* Sets the metadata about the SIDs of a model whose ranks these are. */
void ranks_add_sids(st_writer_t *w, const sids_t *sids);
void ranks_free(ranks_t *r);

/* The ids of some of x's users. Caller frees. */
strtab_t user_ids_of(const interactions_t *x, const int64_t *users, int64_t n);

#endif
