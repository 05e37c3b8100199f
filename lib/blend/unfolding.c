#include "blend/unfolding.h"

#include <stdlib.h>

#include "base/mem.h"

void unfolding_free(unfolding_t *u)
{
    trail_free(&u->trail);
    free(u->found);
    free(u->found_score);
    free(u->items);
    *u = (unfolding_t){0};
}

const unfolding_item_t *unfolding_item(const unfolding_t *u, int32_t item)
{
    for (int64_t i = 0; i < u->count; i++)
        if (u->items[i].item == item) return &u->items[i];
    return NULL;
}

trail_t **unfolding_trails(int64_t n, unfolding_t *const *unfoldings)
{
    trail_t **trails = unfoldings ? NEW_ARRAY(trail_t *, n + 1) : NULL;
    for (int64_t i = 0; trails && i < n; i++) trails[i] = unfoldings[i] ? &unfoldings[i]->trail : NULL;
    return trails;
}
