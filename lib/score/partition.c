#include "score/partition.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/minmax.h"

enum { SHORT, MIDDLE, LONG };

/* What the parts are told by. */
typedef struct {
    const held_out_t *h;
    const int64_t *popularity;
    uint8_t *of_length; /* [longest history + 1] its third */
} known_t;

static uint8_t popularity_part(const known_t *k, const history_t *h) { return k->h->strata.of_item[h->target]; }
static uint8_t history_part(const known_t *k, const history_t *h) { return k->of_length[h->count]; }
static uint8_t cold_part(const known_t *k, const history_t *h) { return k->popularity[h->target] > 0; }

/* A history lies in the interactions, and its target after it. */
static uint8_t tie_part(const known_t *k, const history_t *h)
{
    const interactions_t *x = &k->h->x;
    const int64_t at = h->items - x->item_index + h->count;
    const bool tie = h->count && at < x->events && x->item_index[at] == h->target && x->timestamp[at] == x->timestamp[at - 1];
    return !tie;
}

static const struct {
    partition_t parts;
    uint8_t (*part_of)(const known_t *k, const history_t *h);
} table[PARTITIONS] = {
    [PARTITION_POPULARITY] = {{"strata", 3, {"head", "middle", "tail"}, NULL}, popularity_part},
    [PARTITION_HISTORY] = {{"strata_history", 3, {"short", "middle", "long"}, NULL}, history_part},
    [PARTITION_TIE] = {{"strata_tie", 2, {"tie", "others"}, NULL}, tie_part},
    [PARTITION_COLD] = {{"strata_cold", 2, {"cold", "others"}, NULL}, cold_part},
};

/* Finds the thirds of the cases by the lengths of their histories, equal ones together. */
static uint8_t *thirds_of_lengths(const held_out_t *h)
{
    int64_t longest = 0, before = 0;
    for (int64_t u = 0; u < h->n; u++) longest = max64(longest, h->histories[u].count);
    int64_t *cases = NEW_ARRAY(int64_t, longest + 1);
    uint8_t *third = NEW_ARRAY(uint8_t, longest + 1);
    for (int64_t u = 0; u < h->n; u++) cases[h->histories[u].count]++;
    for (int64_t length = 0; length <= longest; length++) {
        third[length] = 3 * before < h->n ? SHORT : 3 * before < 2 * h->n ? MIDDLE : LONG;
        before += cases[length];
    }
    free(cases);
    return third;
}

/* True if every user's timestamps only count their events. */
static bool times_count(const interactions_t *x)
{
    for (int64_t u = 0; u < x->users; u++)
        for (int64_t e = x->user_offsets[u]; e < x->user_offsets[u + 1]; e++)
            if (x->timestamp[e] != e - x->user_offsets[u]) return false;
    return true;
}

static bool has_times(const held_out_t *h)
{
    const char *times = h->file ? st_meta(h->file, "times") : NULL;
    if (!h->x.timestamp) return false;
    return times ? strcmp(times, "order") != 0 : !times_count(&h->x);
}

void partitions_make(const held_out_t *h, const int64_t *popularity, partition_t parts[PARTITIONS])
{
    known_t known = {h, popularity, thirds_of_lengths(h)};
    for (int p = 0; p < PARTITIONS; p++) {
        parts[p] = table[p].parts;
        if (p == PARTITION_TIE && !has_times(h)) parts[p].count = 0;
        if (!parts[p].count) continue;
        parts[p].of_case = NEW_ARRAY(uint8_t, h->n + 1);
        for (int64_t u = 0; u < h->n; u++) parts[p].of_case[u] = table[p].part_of(&known, &h->histories[u]);
    }
    free(known.of_length);
}

void partitions_free(partition_t parts[PARTITIONS])
{
    for (int p = 0; p < PARTITIONS; p++) free(parts[p].of_case);
}
