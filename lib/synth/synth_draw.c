#include "synth/synth_draw.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/minmax.h"

int64_t draw_weighted(synth_draw_t *d, const double *sums, int64_t n)
{
    double at = draw_unit(d) * sums[n - 1];
    int64_t low = 0, high = n - 1;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (sums[middle] > at) high = middle;
        else low = middle + 1;
    }
    return low;
}

draw_table_t draw_table(double *sums, int64_t n)
{
    draw_table_t t = {n, sums, NEW_ARRAY(int32_t, n)};
    for (int64_t i = 0, k = 0; k < n; k++) {
        while (i < n - 1 && sums[i] <= (double)k / (double)n * sums[n - 1]) i++;
        t.near[k] = (int32_t)i;
    }
    return t;
}

void draw_table_free(draw_table_t *t)
{
    free(t->sums);
    free(t->near);
    *t = (draw_table_t){0};
}

double draw_table_sum(const draw_table_t *t) { return t->n ? t->sums[t->n - 1] : 0; }

static const int32_t *near_of(const draw_table_t *t, double unit)
{
    return &t->near[min64((int64_t)(unit * (double)t->n), t->n - 1)];
}

void draw_table_ahead(const draw_table_t *t, double unit) { __builtin_prefetch(near_of(t, unit)); }

void draw_table_nearer(const draw_table_t *t, double unit) { __builtin_prefetch(&t->sums[*near_of(t, unit)]); }

int64_t draw_table_index(const draw_table_t *t, double unit)
{
    const double at = unit * t->sums[t->n - 1];
    int64_t i = *near_of(t, unit);
    while (i > 0 && t->sums[i - 1] > at) i--; /* undo what rounding did */
    while (i < t->n - 1 && t->sums[i] <= at) i++;
    return i;
}
