#include "data/met.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/minmax.h"

enum { CHUNK_PLACES = 1 << 22 };

met_t met_new(int64_t items) { return (met_t){.items = items, .round = 1, .last = NEW_ARRAY(int64_t, items + 1)}; }

void met_free(met_t *m)
{
    free(m->last);
    *m = (met_t){0};
}

int64_t met_take(met_t *m, const history_t *h)
{
    int64_t distinct = 0;
    m->round++;
    for (int64_t i = 0; i < h->count; i++) {
        distinct += m->last[h->items[i]] != m->round;
        m->last[h->items[i]] = m->round;
    }
    return distinct;
}

bool met_holds(const met_t *m, int32_t item) { return item >= 0 && item < m->items && m->last[item] == m->round; }

int64_t met_leave_out(const met_t *m, int64_t k, int32_t *items, float *scores)
{
    int64_t kept = 0;
    for (int64_t i = 0; i < k && items[i] != -1; i++) {
        if (met_holds(m, items[i])) continue;
        if (scores) scores[kept] = scores[i];
        items[kept++] = items[i];
    }
    return kept;
}

int64_t met_chunk(met_t *m, int64_t n, const history_t *histories, int64_t k, int64_t spare, int64_t *places)
{
    int64_t count = 0;
    *places = k;
    for (; count < n; count++) {
        const int64_t longer = max64(*places, spare + met_take(m, &histories[count]));
        if (count && (count + 1) * longer > CHUNK_PLACES) break;
        *places = longer;
    }
    return count;
}
