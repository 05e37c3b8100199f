#include "ingest/quantiles.h"

#include <stdlib.h>

#include "base/mem.h"

enum { SMALL = 1 << 16 };

const char *const quantile_names[QUANTILES] = {"min", "p10", "p25", "p50", "p75", "p90", "p99", "max"};

static const int percent[QUANTILES] = {0, 10, 25, 50, 75, 90, 99, 100};

/* Small counts, which are many, by how often each comes; large ones, which are few, one by one. */
typedef struct {
    int64_t *times;   /* [SMALL] */
    uint32_t *large;  /* ascending once sorted */
    int64_t count, cap;
} counts_t;

static int by_value(const void *pa, const void *pb)
{
    uint32_t a = *(const uint32_t *)pa, b = *(const uint32_t *)pb;
    return (a > b) - (a < b);
}

/* Finds the count of 1-based rank `rank`. */
static int64_t ranked(const counts_t *c, int64_t rank)
{
    for (int64_t v = 1; v < SMALL; v++) {
        if (rank <= c->times[v]) return v;
        rank -= c->times[v];
    }
    return c->large[rank - 1];
}

quantiles_t quantiles_of(const uint32_t *counts, int64_t n, int64_t stride)
{
    quantiles_t q = {0};
    counts_t c = {.times = NEW_ARRAY(int64_t, SMALL)};
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        uint32_t v = *(const uint32_t *)(const void *)((const char *)counts + i * stride);
        if (!v) continue;
        q.n++;
        sum += v;
        if (v < SMALL) {
            c.times[v]++;
        } else {
            GROW(c.large, c.count, c.cap);
            c.large[c.count++] = v;
        }
    }
    if (c.count) qsort(c.large, (size_t)c.count, sizeof *c.large, by_value);
    for (int i = 0; i < QUANTILES && q.n; i++) {
        int64_t rank = (q.n * percent[i] + 99) / 100;
        q.at[i] = ranked(&c, rank ? rank : 1);
    }
    q.mean = q.n ? sum / (double)q.n : 0;
    free(c.times);
    free(c.large);
    return q;
}
