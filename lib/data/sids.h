/* sids/1: every item's codes on L residual levels and, where items would share all L codes, a suffix. */
#ifndef SIDMILL_DATA_SIDS_H
#define SIDMILL_DATA_SIDS_H

#include <stdbool.h>
#include <stdint.h>

#include "data/st.h"
#include "data/strtab.h"

enum { SID_MAX_LEVELS = 16, SID_MAX_TOKENS = SID_MAX_LEVELS + 1, SID_MAX_CODES = 1 << 20 /* codes a level, and suffixes */ };

typedef struct {
    int64_t items;
    int levels;       /* L */
    int codes;        /* K: codes a level */
    int max_suffix;   /* suffixes that the vocabulary reserves: every suffix is below it */
    int32_t *code;    /* [items, levels], each in [0, codes) */
    int32_t *suffix;  /* [items], -1: none */
    strtab_t item_ids;
} sids_t;

/* Reads and checks: shapes, ranges, and that no full SID repeats or is a prefix of another (else EX_DATAERR, naming both
 * items). K comes from `codebook` [L, K, d] where present, else from metadata config "codes", else from the largest code;
 * max_suffix from config "max-suffix", else from the largest suffix. The ids are indexed, for strtab_find(). */
sids_t sids_read(const st_file_t *f);

/* Ends the process with EX_DATAERR, naming both items, where a full SID repeats or is a prefix of another. `name` is the file's. */
void sids_check_unique(const char *name, const sids_t *s);
void sids_free(sids_t *s);

/* SIDs of one level in which item i has code i, without suffixes; takes the ids, which are indexed. More than SID_MAX_CODES items
 * end the process with EX_DATAERR. */
sids_t sids_identity(strtab_t ids);

/* Reads "12", "12,7" or "12,7," ("" is no code): up to `most` codes, each below `limit`. Returns their number, -1 if it is not that. */
int sids_parse_prefix(const char *text, int most, int64_t limit, int32_t *codes);

/* The items sorted by their codes, then by suffix (none first), then by index: [items]. Caller frees. */
int64_t *sids_order(const sids_t *s);

/* Gives a suffix (0, 1, ... in item order) to the items of every bucket of equal codes, as `collide` (only buckets of two or
 * more: DeepInterestGR, arXiv 2604.20861) or always (the fourth code of TIGER, Rajput et al. 2023). A bucket of more than
 * max_suffix items ends the process with EX_DATAERR. */
typedef enum { SUFFIX_COLLIDE, SUFFIX_ALWAYS } suffix_t;
void sids_assign_suffixes(sids_t *s, suffix_t how);

/* The size of the largest bucket. */
int64_t sids_largest_bucket(const sids_t *s);

/* How many items have a suffix. */
int64_t sids_suffixed(const sids_t *s);

/* What the codes say about themselves before the suffix. Of a level's K codes, or of all prefixes of L codes that could be in use,
 * min(items, K^L): the share in use; exp of the entropy of their use; its Gini coefficient (base/gini.h), 0 where all are used alike. */
typedef struct {
    double alone;        /* share of items alone in their bucket */
    int64_t buckets, largest;
    double *utilisation; /* [levels + 1] of each level's codes, and last of the prefixes */
    double *perplexity;  /* [levels + 1] */
    double *gini;        /* [levels + 1] */
} sid_stats_t;
sid_stats_t sids_stats(const sids_t *s);
void sid_stats_free(sid_stats_t *s);

#endif
