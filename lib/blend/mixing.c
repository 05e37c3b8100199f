#include "blend/mixing.h"

#include <stdlib.h>

#include "base/mem.h"

mixing_t mixing_new(int bins, int groups, int parts)
{
    mixing_t x = {.weight = NEW_ARRAY(double, bins * parts), .factor = NEW_ARRAY(double, groups * parts), .power = {1}};
    for (int i = 0; i < groups * parts; i++) x.factor[i] = 1;
    return x;
}

void mixing_free(mixing_t *x)
{
    free(x->weight);
    free(x->factor);
    *x = (mixing_t){0};
}

mixing_t mixing_alone(int bins, int groups, int parts, int place)
{
    mixing_t x = mixing_new(bins, groups, parts);
    for (int bin = 0; bin < bins; bin++) x.weight[bin * parts + place] = 1;
    return x;
}
