#include "data/trie.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"

/* Counts the leading codes that two items share. */
static int shared_codes(const sids_t *s, int64_t a, int64_t b)
{
    const int32_t *x = s->code + a * s->levels, *y = s->code + b * s->levels;
    int l = 0;
    while (l < s->levels && x[l] == y[l]) l++;
    return l;
}

/* begin[d] becomes the first node of depth d; returns the number of nodes. A sorted SID adds one node for every code beyond
 * what it shares with the one before it, and one for its suffix. */
static int64_t lay_out_depths(const sids_t *s, const int64_t *order, int64_t *begin)
{
    int64_t count[SID_MAX_TOKENS + 1] = {1};
    for (int64_t i = 0; i < s->items; i++) {
        int shared = i ? shared_codes(s, order[i - 1], order[i]) : 0;
        for (int d = shared + 1; d <= s->levels; d++) count[d]++;
        count[s->levels + 1] += s->suffix[order[i]] >= 0;
    }
    int64_t nodes = 0;
    for (int d = 0; d <= s->levels + 1; d++) {
        begin[d] = nodes;
        nodes += count[d];
    }
    return nodes;
}

static void append_node(trie_t *t, int64_t node, int64_t parent, int32_t token)
{
    t->token[node] = token;
    t->parent[node] = parent;
    if (!t->children[parent]++) t->first[parent] = node;
}

trie_t trie_build(const sids_t *s, const vocab_t *v)
{
    if (v->levels != s->levels || v->codes < s->codes || v->max_suffix < s->max_suffix)
        die(EX_DATAERR, "SIDs of %d levels, %d codes and %d suffixes do not fit a vocabulary of %d, %d and %d", s->levels, s->codes,
            s->max_suffix, v->levels, v->codes, v->max_suffix);
    int64_t *order = sids_order(s), next[SID_MAX_TOKENS + 1];
    trie_t t = {.nodes = lay_out_depths(s, order, next), .items = s->items};
    t.first = NEW_ARRAY(int64_t, t.nodes);
    t.children = NEW_ARRAY(int32_t, t.nodes);
    t.token = NEW_ARRAY(int32_t, t.nodes);
    t.item = NEW_ARRAY(int32_t, t.nodes);
    t.parent = NEW_ARRAY(int64_t, t.nodes);
    t.leaf = NEW_ARRAY(int64_t, t.items);
    memset(t.item, -1, (size_t)t.nodes * sizeof *t.item);
    t.token[0] = -1;
    t.parent[0] = -1;

    int64_t path[SID_MAX_TOKENS + 1] = {0}; /* the nodes of the current SID, by depth */
    for (int64_t i = 0; i < s->items; i++) {
        int32_t tokens[SID_MAX_TOKENS];
        int depth = vocab_sid(v, s, order[i], tokens), shared = i ? shared_codes(s, order[i - 1], order[i]) : 0;
        for (int d = shared + 1; d <= depth; d++) {
            path[d] = next[d]++;
            append_node(&t, path[d], path[d - 1], tokens[d - 1]);
        }
        t.item[path[depth]] = (int32_t)order[i];
        t.leaf[order[i]] = path[depth];
    }
    free(order);
    return t;
}

void trie_free(trie_t *t)
{
    free(t->first);
    free(t->children);
    free(t->token);
    free(t->item);
    free(t->parent);
    free(t->leaf);
    *t = (trie_t){0};
}

int64_t trie_child(const trie_t *t, int64_t node, int32_t token)
{
    int64_t low = t->first[node], high = low + t->children[node];
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (t->token[middle] == token) return middle;
        if (t->token[middle] < token) low = middle + 1;
        else high = middle;
    }
    return -1;
}
