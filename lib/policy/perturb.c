#include "policy/perturb.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/rng.h"

enum { DRAW_CUT, DRAW_LENGTH, DRAW_KEEP, DRAW_DROP, DRAW_SWAP, DRAW_OTHER };

struct perturb {
    perturb_options_t o;
    int64_t *order;       /* [items] by SID */
    int64_t *place;       /* [items] in it */
    int64_t *begin, *end; /* [items] of an item's relatives in it, itself among them */
};

static bool related(const sids_t *s, int64_t a, int64_t b)
{
    return !memcmp(s->code + a * s->levels, s->code + b * s->levels, (size_t)(s->levels - 1) * sizeof *s->code);
}

perturb_t *perturb_new(const perturb_options_t *o, const sids_t *sids)
{
    perturb_t *p = NEW(perturb_t);
    *p = (perturb_t){.o = *o, .order = sids_order(sids), .place = NEW_ARRAY(int64_t, sids->items),
                     .begin = NEW_ARRAY(int64_t, sids->items), .end = NEW_ARRAY(int64_t, sids->items)};
    for (int64_t i = 0, end; i < sids->items; i = end) {
        for (end = i + 1; end < sids->items && sids->levels > 1 && related(sids, p->order[i], p->order[end]);) end++;
        for (int64_t j = i; j < end; j++) {
            p->place[p->order[j]] = j;
            p->begin[p->order[j]] = i;
            p->end[p->order[j]] = end;
        }
    }
    return p;
}

void perturb_free(perturb_t *p)
{
    if (!p) return;
    free(p->order);
    free(p->place);
    free(p->begin);
    free(p->end);
    free(p);
}

/* Draws one of an item's relatives, or the item where it has none, or where that would be the target. */
static int32_t swapped(const perturb_t *p, int32_t item, int32_t target, uint64_t key, uint64_t at)
{
    const int64_t others = p->end[item] - p->begin[item] - 1;
    if (others < 1) return item;
    const int64_t other = p->begin[item] + (int64_t)rng_below(rng_key(key, DRAW_OTHER), at, (uint64_t)others);
    const int32_t drawn = (int32_t)p->order[other + (other >= p->place[item])];
    return drawn == target ? item : drawn;
}

static bool happens(double rate, uint64_t key, uint64_t draw, int64_t at)
{
    return rng_uniform(rng_key(key, draw), (uint64_t)at) < (float)rate;
}

history_t perturb_history(const perturb_t *p, const history_t *h, uint64_t key, int32_t *items)
{
    const int64_t cut = happens(p->o.cut, key, DRAW_CUT, 0) ? (int64_t)rng_below(rng_key(key, DRAW_LENGTH), 0, (uint64_t)h->count) : 0;
    const int64_t stays = cut + (int64_t)rng_below(rng_key(key, DRAW_KEEP), 0, (uint64_t)(h->count - cut));
    int64_t n = 0;
    for (int64_t i = cut; i < h->count; i++) {
        if (i != stays && happens(p->o.drop, key, DRAW_DROP, i)) continue;
        items[n++] = happens(p->o.swap, key, DRAW_SWAP, i) ? swapped(p, h->items[i], h->target, key, (uint64_t)i) : h->items[i];
    }
    return (history_t){items, n, h->target};
}
