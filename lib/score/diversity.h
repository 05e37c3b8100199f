/* How different the items of one list are from each other (intra-list diversity: Ziegler et al. 2005, "Improving recommendation
 * lists through topic diversification"; sidmill-methods(7), section 8.2). */
#ifndef SIDMILL_SCORE_DIVERSITY_H
#define SIDMILL_SCORE_DIVERSITY_H

#include <stdint.h>

#include "data/sids.h"
#include "data/st.h"

/* By vectors: the mean of 1 - cosine over the pairs of a list, of items that have a vector other than 0. By Semantic IDs: the mean
 * of 1 - LCP / L, LCP being the number of leading codes, of L, that both have; suffixes never count. */
typedef enum { DIVERSITY_VECTORS, DIVERSITY_SIDS, DIVERSITIES } diversity_kind;

/* What is known of the items; zeroed: nothing. */
typedef struct {
    int64_t items, width;
    const char *tensor;   /* where the vectors come from; NULL: there are none */
    float *vector;        /* [items, width] */
    double *inverse;      /* [items] 1 / length; 0 without a vector */
    const sids_t *sids;   /* borrowed; NULL: there are none */
} diversity_t;

/* Takes the vectors of an embeddings/1 file: `text`, else `joint`, else `image`. A file of other items than `item_ids`, those of
 * the file called `other`, or without any of the three, ends the process with EX_DATAERR. */
void diversity_read(diversity_t *d, const st_file_t *f, const char *other, const strtab_t *item_ids);
void diversity_free(diversity_t *d);

bool diversity_has(const diversity_t *d, diversity_kind kind);

/* Of a list of n places; what is no item of the catalogue is passed over. NaN where fewer than two items remain. */
double diversity_of(const diversity_t *d, diversity_kind kind, const int32_t *list, int64_t n);

#endif
