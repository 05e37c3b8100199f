/* What answers histories: a model, a mixture or both, and popularity for those that hold nothing. */
#ifndef SIDMILL_SERVE_ENGINE_H
#define SIDMILL_SERVE_ENGINE_H

#include <stdbool.h>
#include <stdint.h>

#include "blend/unfolding.h"
#include "score/recommender.h"
#include "select/item_set.h"

/* Paths, NULL for none: `model` and `sids` go together, and one of `model` and `blend` must be there. */
typedef struct {
    const char *model, *sids, *blend, *interactions;
    const char *gemm; /* one of backend_names */
} engine_files_t;

typedef struct engine engine_t;

/* Files that are wrong, or do not belong together, end the process. */
engine_t *engine_open(const engine_files_t *f);
void engine_free(engine_t *e);

const strtab_t *engine_ids(const engine_t *e);           /* of the items, indexed */
const recommender_t *engine_recommender(const engine_t *e); /* NULL without a model */
const trie_t *engine_trie(const engine_t *e);            /* likewise */

typedef struct {
    int64_t n;
    const history_t *histories;      /* [n] */
    const item_set_t *const *within; /* [n], or NULL: score/ranker.h */
    int64_t beam, k;                 /* with a model k <= beam */
    bool exclude_seen;               /* leaves out each history's own items */
    unfolding_t *const *unfoldings;  /* [n], or NULL: score/ranker.h; lists of popularity alone have empty ones */
} engine_query_t;

/* The k best items of each history: items [n, k], RANKER_NONE beyond the last, scores [n, k]. With interactions, an empty history gets
 * the most popular, by the logarithms of their add-one-smoothed shares of the training events. */
void engine_ask(engine_t *e, const engine_query_t *q, int32_t *items, float *scores);

#endif
