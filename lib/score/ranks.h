/* Ranks of held-out items as files, ranks/1: what comparisons are made from. A row is a case; most splits have one a user. */
#ifndef SIDMILL_SCORE_RANKS_H
#define SIDMILL_SCORE_RANKS_H

#include <stdbool.h>
#include <stdint.h>

#include "data/protocol.h"
#include "data/sids.h"
#include "data/st.h"
#include "data/strtab.h"

/* The ranks under one protocol: each case's in a list of length k, from 1; 0: not in it. */
typedef struct {
    int64_t k;     /* 0: the lists are too short for this protocol */
    int32_t *rank; /* [n] of each case */
} ranks_list_t;

/* What ranks/1 holds under one protocol: `rank` I32 [C] of each case's held-out item in a list of length k, or `rank_unseen` in
 * one of length k_unseen, from which met items are left out; whose the cases are and of which stratum (held_out_add()); metadata `split`, `k`, `k_unseen`, and of a model's
 * ranks `sids_alone` and `sids_utilisation`. */
typedef struct {
    int64_t cases, users;
    int64_t *case_offsets; /* [users + 1] where each user's cases begin */
    int32_t *stratum;      /* [cases] by popularity (score/strata.h); NULL where the file does not say */
    ranks_list_t list; /* a file without metadata k counts as INT32_MAX: every cut is defined */
    char *split;       /* NULL where the file does not say */
    double alone, utilisation; /* of the SIDs (data/sids.h), the latter over all levels; NaN where the file does not say */
    strtab_t user_ids;
} ranks_t;

/* Whether a file has ranks under the protocol: lists that are too short have none without met items. */
bool ranks_told(const char *path, protocol_t protocol);

/* A file that has no ranks under the protocol ends the process with EX_DATAERR. */
ranks_t ranks_read(const char *path, protocol_t protocol);

/* The cases of one stratum, with the users who have one, nameless. */
ranks_t ranks_part(const ranks_t *r, int stratum);

/* Adds the ranks of n cases under every protocol that their lists are long enough for. Whose they are is added apart. */
void ranks_add(st_writer_t *w, int64_t n, const char *split, const ranks_list_t lists[PROTOCOLS]);

/* Sets the metadata about the SIDs of a model whose ranks these are. */
void ranks_add_sids(st_writer_t *w, const sids_t *sids);
void ranks_free(ranks_t *r);

#endif
