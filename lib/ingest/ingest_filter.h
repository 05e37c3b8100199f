/* What an ingestion leaves out, and how it orders the rest. */
#ifndef SIDMILL_INGEST_INGEST_FILTER_H
#define SIDMILL_INGEST_INGEST_FILTER_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>

#include "ingest/ties.h"

typedef struct {
    int64_t kcore;        /* 0: none */
    int64_t max_items;    /* a user's latest interactions that are kept; 0: all */
    double min_rating;    /* NaN: none */
    int64_t since, until; /* seconds: since <= time < until; INT64_MIN, INT64_MAX: no bound */
    ties_t ties;          /* the order of equal times */
    bool require_image;   /* items without `image` and `image_url` go */
    int64_t partition;    /* interactions that are brought into order in memory at once; 0: INGEST_PARTITION. Never
                           * changes the result. */
} ingest_filter_t;

#define INGEST_FILTER_NONE {.min_rating = NAN, .since = INT64_MIN, .until = INT64_MAX}

enum { INGEST_PARTITION = 1 << 22 };

#endif
