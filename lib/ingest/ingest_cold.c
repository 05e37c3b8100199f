#include "ingest/ingest_cold.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "data/interactions.h"

bool *ingest_cold_draw(const ingest_result_t *x, double share, uint64_t seed)
{
    bool *cold = NEW_ARRAY(bool, x->items);
    int64_t *targets = NEW_ARRAY(int64_t, x->items), count = 0;
    for (ingest_walk_t w = ingest_walk(x); ingest_next_user(&w);)
        for (int64_t at = 0; at < w.n; at++)
            if (w.phase[at] == PHASE_TEST) cold[w.item[at]] = true;
    for (int64_t i = 0; i < x->items; i++) {
        if (cold[i]) targets[count++] = i;
        cold[i] = false;
    }
    rng_shuffle(rng_stream(seed, "cold-items"), targets, count);
    const int64_t drawn = (int64_t)(share * (double)count);
    for (int64_t i = 0; i < count && i < (drawn ? drawn : 1); i++) cold[targets[i]] = true;
    free(targets);
    return cold;
}

/* Numbers the items anew, cold ones last, and copies the ids of those that stay: [x->items]. */
static int32_t *number_items(const ingest_result_t *x, const bool *cold, bool tests, ingest_result_t *to)
{
    int32_t *row = NEW_ARRAY(int32_t, x->items);
    for (int pass = 0; pass < 1 + tests; pass++) {
        for (int64_t i = 0; i < x->items; i++) {
            if (cold[i] != (pass == 1)) continue;
            size_t n;
            const char *id = strtab_get(&x->item_ids, i, &n);
            strtab_add(&to->item_ids, id, n);
            row[i] = (int32_t)to->items++;
        }
    }
    return row;
}

static void put_user(const ingest_walk_t *w, const bool *cold, bool tests, const int32_t *row, ingest_result_t *to)
{
    size_t n;
    const char *id = strtab_get(&w->x->user_ids, w->user, &n);
    strtab_add(&to->user_ids, id, n);
    for (int64_t at = 0; at < w->n; at++) {
        if (cold[w->item[at]] && !(tests && w->phase[at] == PHASE_TEST)) continue;
        SPOOL_ADD(&to->item_index, int32_t, row[w->item[at]]);
        SPOOL_ADD(&to->timestamp, int64_t, w->time[at]);
        SPOOL_ADD(&to->phase, uint8_t, w->phase[at]);
    }
    to->user_offsets[++to->users] = to->item_index.count;
}

ingest_result_t ingest_without(const ingest_result_t *x, const bool *cold, bool tests)
{
    ingest_result_t to = {.user_offsets = NEW_ARRAY(int64_t, x->users + 1), .item_index = spool_open(sizeof(int32_t)),
                          .timestamp = spool_open(sizeof(int64_t)), .phase = spool_open(sizeof(uint8_t)),
                          .order_only = x->order_only};
    int32_t *row = number_items(x, cold, tests, &to);
    for (ingest_walk_t w = ingest_walk(x); ingest_next_user(&w);) put_user(&w, cold, tests, row, &to);
    to.events = to.item_index.count;
    spool_done(&to.item_index);
    spool_done(&to.timestamp);
    spool_done(&to.phase);
    free(row);
    return to;
}
