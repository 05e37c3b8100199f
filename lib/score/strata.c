#include "score/strata.h"

#include <stdlib.h>

#include "base/mem.h"
#include "data/ranking.h"

const char *stratum_name(int s)
{
    static const char *const names[STRATA] = {"head", "middle", "tail"};
    return names[s];
}

/* The stratum of items that come after `before` of `total` events. */
static int stratum_at(int64_t before, int64_t total)
{
    double share = total ? (double)before / (double)total : 1;
    return share < 1.0 / 3 ? STRATUM_HEAD : share < 2.0 / 3 ? STRATUM_MIDDLE : STRATUM_TAIL;
}

strata_t strata_make(const int64_t *popularity, int64_t items)
{
    strata_t s = {.of_item = NEW_ARRAY(uint8_t, items + 1)};
    ranking_item_t *order = NEW_ARRAY(ranking_item_t, items + 1);
    int64_t total = 0, before = 0;
    for (int64_t i = 0; i < items; i++) {
        order[i] = (ranking_item_t){(double)popularity[i], (int32_t)i};
        total += popularity[i];
    }
    qsort(order, (size_t)items, sizeof *order, ranking_best_first);
    for (int64_t i = 0, end; i < items; i = end) {
        int64_t p = popularity[order[i].item];
        for (end = i; end < items && popularity[order[end].item] == p; end++) {}
        int which = stratum_at(before, total);
        if (!s.items[which]) s.most[which] = p;
        s.least[which] = p;
        s.items[which] += end - i;
        before += p * (end - i);
        for (int64_t j = i; j < end; j++) s.of_item[order[j].item] = (uint8_t)which;
    }
    free(order);
    return s;
}

void strata_free(strata_t *s)
{
    free(s->of_item);
    *s = (strata_t){0};
}
