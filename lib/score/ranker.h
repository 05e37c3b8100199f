/* What turns histories into ranked items: the one interface that evaluate and recommend know. A trained generator
 * (recommender.h), lists from a file (lists.h) and the baselines (baselines.h) stand behind it. */
#ifndef SIDMILL_SCORE_RANKER_H
#define SIDMILL_SCORE_RANKER_H

#include <stdint.h>

#include "blend/unfolding.h"
#include "data/interactions.h"
#include "select/item_set.h"

/* Who asks. */
typedef struct {
    int64_t n;
    const history_t *histories; /* [n]; an empty history is legal, targets are not looked at */
    const int64_t *users;       /* [n] rows of the interactions' user_ids; NULL where they are not known */
    int width;                  /* of a beam, at least the k asked for; what searches nothing passes it over */
    int spare;                  /* not 0: so many items of a list are to remain when those of its whole history are left out, as
                                   far as the catalogue goes; k may then be more than the width (data/met.h: met_chunk()) */
    const item_set_t *const *within; /* [n] what each list is held to, over the trie of the generator where there is one; NULL, there
                                   or for all: anything. Generators, mixtures and popularity alone heed it */
    unfolding_t *const *unfoldings; /* [n] empty ones that become how each list came about, as far as generators and mixtures are part of
                                   it; NULL, there or for all: nobody asks */
} ranker_query_t;

/* The spare items of which evaluations are made. */
enum { RANKER_SPARE = 10 };

/* What stands where a list has ended, and for an item that the catalogue lacks: it keeps its place and is never right. */
enum { RANKER_NONE = -1, RANKER_UNKNOWN = -2 };

typedef struct ranker ranker_t;
struct ranker {
    const char *name; /* as metrics.json and messages have it; not owned */

    /* The k >= 1 best items of each history: items [n, k], best first, scores [n, k], falling, comparable within one ranker
     * only; RANKER_NONE and 0 beyond the last. What a user gets depends on no other user and no number of threads. */
    void (*topk)(ranker_t *r, const ranker_query_t *q, int64_t k, int32_t *items, float *scores);

    void (*free)(ranker_t *r);

    int64_t longest; /* list that it has; 0: any length */
};

#endif
