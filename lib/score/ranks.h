/* Ranks of held-out items as files, ranks/1: what comparisons are made from. */
#ifndef SIDMILL_SCORE_RANKS_H
#define SIDMILL_SCORE_RANKS_H

#include <stdint.h>

#include "data/sids.h"
#include "data/st.h"
#include "data/strtab.h"

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

#endif
