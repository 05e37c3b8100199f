/* What the builtin engine knows of the whole catalogue: how many items have a descriptor or a phrase, and the key-phrases of
 * clusters of related items. Fitted once, kept in a file, so that an item's intents depend on the fit and the item alone. */
#ifndef SIDMILL_INTENT_INTENT_FIT_H
#define SIDMILL_INTENT_INTENT_FIT_H

#include <stdint.h>

#include "data/st.h"
#include "intent/candidates.h"
#include "text/lsa.h"

enum { CLUSTER_PHRASES = 24 };

typedef struct {
    int64_t items;         /* that the fit has seen */
    int64_t keys;
    int64_t *key;          /* [keys] ascending: of descriptors and phrases that two items or more have */
    int32_t *count;        /* [keys] how many items */
    lsa_t *lsa;            /* NULL where the catalogue has no words */
    int64_t clusters, dim;
    float *centroid;       /* [clusters, dim] */
    int64_t *offset;       /* [clusters + 1]: rows of the phrases of a cluster, best first */
    int64_t *phrase;       /* [offset[clusters]] words_key() */
    float *share;          /* [...] of the cluster's items that have the phrase */
    strtab_t text;         /* [...] */
} intent_fit_t;

/* Fitting: every item once, in order. */
typedef struct intent_fitter intent_fitter_t;
intent_fitter_t *intent_fitter_new(uint64_t seed);
void intent_fitter_add(intent_fitter_t *f, const evidence_t *e);

/* Clusters by k-means over the LSA space of words and word pairs, and chooses each cluster's phrases by class-based TF-IDF:
 * the share of the cluster's phrases times ln(1 + mean number of phrases in a cluster / number of the phrase in all). Frees
 * the fitter. */
intent_fit_t *intent_fitter_finish(intent_fitter_t *f);

/* The tensors of schema intent-fit/1 (mine-intent(1)); data is borrowed until st_commit(). */
void intent_fit_add(st_writer_t *w, const intent_fit_t *f);

/* Reads and checks; a damaged file ends the process with EX_DATAERR. */
intent_fit_t *intent_fit_read(const st_file_t *file);
void intent_fit_free(intent_fit_t *f);

/* For candidates_find(): items that have the key, 0 or 1 both being 0. `fit` is an intent_fit_t. */
int64_t intent_fit_frequency(const void *fit, uint64_t key);

/* The cluster of an item's evidence; -1 where none of its words is known. Not for use by several threads at once. */
int64_t intent_fit_cluster(const intent_fit_t *f, const evidence_t *e);

#endif
