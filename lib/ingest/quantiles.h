/* How many interactions users have, and items: the distribution of counts. */
#ifndef SIDMILL_INGEST_QUANTILES_H
#define SIDMILL_INGEST_QUANTILES_H

#include <stdint.h>

enum { QUANTILES = 8 };

/* min, p10, p25, p50, p75, p90, p99, max */
extern const char *const quantile_names[QUANTILES];

typedef struct {
    int64_t n;               /* counts above 0; the others are left out */
    int64_t at[QUANTILES];   /* the least count that at least this share of all do not exceed; 0 where n is 0 */
    double mean;
} quantiles_t;

/* Of counts [n], `stride` bytes apart. */
quantiles_t quantiles_of(const uint32_t *counts, int64_t n, int64_t stride);

#endif
