#include "gen/examples.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"

static void add_windows(examples_t *r, int64_t *cap, int64_t first, int64_t count, int64_t max_items)
{
    const int64_t overlap = max_items / 2;
    for (int64_t scored = 0; scored < count;) {
        int64_t context = scored ? overlap : 0, fresh = max_items - context;
        if (fresh > count - scored) fresh = count - scored;
        GROW(r->list, r->count, *cap);
        r->list[r->count++] = (example_t){first + scored - context, (int32_t)(context + fresh), (int32_t)context};
        r->targets += fresh;
        scored += fresh;
    }
}

examples_t examples_make(const interactions_t *x, int64_t max_items, int levels, hold_back_t hold)
{
    examples_t r = {.longest = 1 + max_items * (levels + 1)};
    int64_t cap = 0;
    for (int64_t u = 0; u < x->users; u++) {
        history_t h;
        if (interactions_history(x, u, SPLIT_TRAIN, &h))
            add_windows(&r, &cap, h.items - x->item_index, h.count - holds_back(hold, u, h.count), max_items);
    }
    return r;
}

void examples_free(examples_t *r)
{
    free(r->list);
    *r = (examples_t){0};
}

static int sid_length(const sids_t *sids, int64_t item) { return sids->levels + (sids->suffix[item] >= 0); }

int64_t example_rows(const example_t *r, const interactions_t *x, const sids_t *sids)
{
    int64_t rows = 0; /* BOS takes one more, the last token one less */
    for (int64_t i = 0; i < r->count; i++) rows += sid_length(sids, x->item_index[r->first + i]);
    return rows;
}

deal_t examples_deal(const examples_t *r, const interactions_t *x, const sids_t *sids, int64_t rows, uint64_t key)
{
    deal_t d = {.order = NEW_ARRAY(int64_t, r->count)};
    for (int64_t i = 0; i < r->count; i++) d.order[i] = i;
    rng_shuffle(key, d.order, r->count);
    int64_t cap = 0, used = rows;
    for (int64_t i = 0; i < r->count; i++) {
        int64_t need = example_rows(&r->list[d.order[i]], x, sids);
        if (used + need > rows) {
            GROW(d.starts, d.shards, cap);
            d.starts[d.shards++] = i;
            used = 0;
        }
        used += need;
    }
    d.starts = xreallocarray(d.starts, (size_t)d.shards + 1, sizeof *d.starts);
    d.starts[d.shards] = r->count;
    return d;
}

void deal_free(deal_t *d)
{
    free(d->order);
    free(d->starts);
    *d = (deal_t){0};
}

int64_t example_expand(const example_t *r, const interactions_t *x, const sids_t *sids, const vocab_t *vocab, const trie_t *trie, int64_t row,
                      int32_t *tokens, target_t *targets, int64_t *target_count)
{
    int64_t rows = 0;
    tokens[rows++] = vocab->bos;
    for (int64_t i = 0; i < r->count; i++) {
        int32_t item = x->item_index[r->first + i], sid[SID_MAX_TOKENS];
        int n = vocab_sid(vocab, sids, item, sid);
        int64_t node = 0;
        for (int l = 0; l < n; l++) {
            if (i >= r->context)
                targets[(*target_count)++] = (target_t){(int32_t)(row + rows - 1), l, sid[l], node};
            node = trie_child(trie, node, sid[l]);
            if (i + 1 < r->count || l + 1 < n) tokens[rows++] = sid[l];
        }
    }
    return rows;
}

int64_t history_tokens(const vocab_t *vocab, const sids_t *sids, const history_t *h, int32_t *tokens)
{
    int64_t n = 0;
    tokens[n++] = vocab->bos;
    for (int64_t i = 0; i < h->count; i++) {
        int32_t sid[SID_MAX_TOKENS];
        const int length = vocab_sid(vocab, sids, h->items[i], sid);
        for (int l = 0; l < length; l++) tokens[n++] = sid[l];
    }
    return n;
}
