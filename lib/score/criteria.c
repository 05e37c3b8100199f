#include "score/criteria.h"

#include <stdlib.h>

criteria_t criteria_new(const held_out_t *h, const metric_set_t *metrics, int64_t spare)
{
    criteria_t c = {.metrics = metrics, .spare = spare, .strata = &h->strata, .popularity = interactions_popularity(&h->x)};
    partitions_make(h, c.popularity, c.parts);
    return c;
}

void criteria_free(criteria_t *c)
{
    free(c->popularity);
    partitions_free(c->parts);
    diversity_free(&c->diversity);
    *c = (criteria_t){0};
}
