#include "synth/synth_draw.h"

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
