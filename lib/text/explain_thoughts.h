/* What a model thinks between a history and the item that it recommends first, as clusters of codes with their items: to be shown by
 * explain_thoughts_text() and explain_thoughts_json(). */
#ifndef SIDMILL_TEXT_EXPLAIN_THOUGHTS_H
#define SIDMILL_TEXT_EXPLAIN_THOUGHTS_H

#include <stdint.h>

#include "data/sids.h"

enum { EXPLAIN_CLUSTERS = 3 /* shown of a thought, the nearest first */ };

/* A cluster of a level's codes near to a thought; `set`, among explain_t.sets, has the items that begin as the way so far and go on
 * with one of its codes. */
typedef struct {
    int32_t cluster;
    float cosine;
    int codes, set;
} explain_cluster_t;

typedef struct {
    int32_t own;    /* cluster of the code that it led to */
    int near_count;
    explain_cluster_t near[EXPLAIN_CLUSTERS];
} explain_thought_t;

typedef struct {
    const int32_t *history; /* [length] items, borrowed */
    int64_t length;
    int32_t item;           /* recommended first */
    explain_thought_t thoughts[SID_MAX_LEVELS];
} explain_thoughts_t;

#endif
