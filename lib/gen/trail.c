#include "gen/trail.h"

#include <stdlib.h>

#include "base/mem.h"

void trail_free(trail_t *t)
{
    free(t->prefixes);
    *t = (trail_t){0};
}

static void add_prefix(trail_t *t, int64_t node, float score)
{
    GROW(t->prefixes, t->first[t->levels + 1], t->cap);
    t->prefixes[t->first[t->levels + 1]++] = (trail_prefix_t){node, score};
}

/* The first `depth` codes of a SID, or all of it. */
static int64_t beginning(const trie_t *trie, int64_t leaf, int depth)
{
    int64_t node = leaf;
    int length = 0;
    for (int64_t n = leaf; n > 0; n = trie->parent[n]) length++;
    for (; length > depth; length--) node = trie->parent[node];
    return node;
}

static int best_first(const void *pa, const void *pb, void *ctx)
{
    const trail_prefix_t *a = pa, *b = pb;
    const int32_t *item = ((const trie_t *)ctx)->item;
    if (a->score != b->score) return a->score < b->score ? 1 : -1;
    if (item[a->node] != item[b->node]) return item[a->node] < item[b->node] ? -1 : 1;
    return (a->node > b->node) - (a->node < b->node);
}

static void add_level(trail_t *t, const trie_t *trie, const beam_t *b)
{
    const int64_t first = t->first[t->levels];
    t->first[t->levels + 1] = first;
    for (int i = 0; i < b->live_count; i++) add_prefix(t, b->live[i].node, b->live[i].score);
    for (int i = 0; i < b->done_count; i++) add_prefix(t, beginning(trie, trie->leaf[b->done[i].item], t->levels + 1), b->done[i].score);
    qsort_r(t->prefixes + first, (size_t)(t->first[t->levels + 1] - first), sizeof *t->prefixes, best_first, (void *)trie);
    t->levels++;
}

/* Tells whether all prefixes of the last level are whole SIDs. */
static bool is_over(const trail_t *t, const trie_t *trie)
{
    if (!t->levels) return false;
    for (int64_t i = t->first[t->levels - 1]; i < t->first[t->levels]; i++)
        if (trie->children[t->prefixes[i].node]) return false;
    return true;
}

void trail_add(trail_t *t, const trie_t *trie, const beam_t *b)
{
    if (is_over(t, trie) || b->live_count + b->done_count == 0) return;
    do add_level(t, trie, b);
    while (!b->live_count && !is_over(t, trie));
}
