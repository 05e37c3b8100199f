#include "data/occurrences.h"

#include <stdlib.h>

#include "base/mem.h"

occurrences_t occurrences_new(const interactions_t *x)
{
    occurrences_t o = {.item = NEW_ARRAY(int32_t, x->events + 1), .begin = NEW_ARRAY(int64_t, x->events + 1),
                       .end = NEW_ARRAY(int64_t, x->events + 1), .first = NEW_ARRAY(int64_t, x->items + 2),
                       .place = NEW_ARRAY(int64_t, x->events + 1)};
    history_t h;
    for (int64_t u = 0; u < x->users; u++) {
        if (!interactions_training(x, u, &h)) continue;
        int64_t begin = o.events;
        for (int64_t i = 0; i < h.count; i++) {
            o.begin[o.events] = begin;
            o.end[o.events] = begin + h.count;
            o.item[o.events++] = h.items[i];
            o.first[h.items[i] + 2]++;
        }
    }
    /* first[i + 1] is item i's next free place while they are dealt out, and its end afterwards. */
    for (int64_t i = 0; i < x->items; i++) o.first[i + 2] += o.first[i + 1];
    for (int64_t e = 0; e < o.events; e++) o.place[o.first[o.item[e] + 1]++] = e;
    return o;
}

void occurrences_free(occurrences_t *o)
{
    free(o->item);
    free(o->begin);
    free(o->end);
    free(o->first);
    free(o->place);
    *o = (occurrences_t){0};
}
