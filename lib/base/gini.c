#include "base/gini.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static int ascending(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

double gini(const int64_t *x, int64_t n)
{
    int64_t *sorted = NEW_ARRAY(int64_t, n + 1);
    memcpy(sorted, x, (size_t)n * sizeof *x);
    qsort(sorted, (size_t)n, sizeof *sorted, ascending);
    double sum = 0, all = 0;
    for (int64_t i = 0; i < n; i++) {
        sum += (double)(2 * (i + 1) - n - 1) * (double)sorted[i];
        all += (double)sorted[i];
    }
    free(sorted);
    return all > 0 ? sum / ((double)n * all) : NAN;
}
