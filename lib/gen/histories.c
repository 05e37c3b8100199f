#include "gen/histories.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"

/* Items [first, first + count) of item_index, of which the first `context` are only read; the others are targets. */
typedef struct {
    int64_t first;
    int32_t count, context;
} window_t;

typedef struct {
    const interactions_t *x;
    const space_t *space;
    window_t *windows;
    int64_t count, cap;
    int64_t targets;
} histories_t;

static void add_windows(histories_t *h, int64_t first, int64_t count)
{
    const bool timeline = h->space->body == BODY_TIMELINE; /* its last item is only predicted, and takes no row */
    const int64_t most = h->space->max_items + timeline, overlap = h->space->max_items / 2;
    for (int64_t scored = 0; scored < count;) {
        int64_t context = scored ? overlap : 0, fresh = most - context;
        if (fresh > count - scored) fresh = count - scored;
        GROW(h->windows, h->count, h->cap);
        h->windows[h->count++] = (window_t){first + scored - context, (int32_t)(context + fresh), (int32_t)context};
        h->targets += fresh;
        scored += fresh;
    }
}

/* Counts a window's rows, as many as its tokens or items and what stands before them, but the last takes none. */
static int64_t window_rows(const void *ctx, int64_t i)
{
    const histories_t *h = ctx;
    const window_t *w = &h->windows[i];
    int64_t rows = space_begin(h->space, TASK_NEXT, space_wording(h->space, TASK_NEXT, i), 0, NULL) - 1;
    if (h->space->body == BODY_TIMELINE) return w->count;
    for (int64_t j = 0; j < w->count; j++) rows += space_sid_length(h->space, h->x->item_index[w->first + j]);
    return rows;
}

/* Scores an item's tokens after the pack's last row. What alone may follow needs no state: it is scored as certain. */
static void score_item(const space_t *s, int32_t item, sequence_pack_t *pack)
{
    const int32_t *sid = space_sid(s, item);
    depth_chain_t chain = depth_chain();
    int64_t node = 0;
    for (int l = 0; l < space_sid_length(s, item); l++) {
        const allowed_set_t set = space_next(s, l, node);
        const bool choice = set.kind != ALLOWED_CHILDREN || s->trie.children[node] > 1, among_items = pack->items && l == 0;
        int32_t row = 0;
        if (choice || among_items)
            row = (int32_t)pack->first_prefix + depth_prefixes_add(&pack->prefixes, &chain, l, (int32_t)(pack->rows - 1), sid);
        pack->positions[pack->scored++] = (scored_position_t){row, sid[l], set, TASK_NEXT};
        if (among_items) pack->positions[pack->scored++] = (scored_position_t){row, item, allowed_items(), TASK_NEXT};
        node = trie_child(&s->trie, node, sid[l]);
    }
}

/* Draws whether a target is thought of, where `needed` of `left` are still to be. */
static bool drawn(uint64_t key, int64_t needed, int64_t left) { return rng_uniform(key, (uint64_t)left) * (float)left < (float)needed; }

/* Each token is scored by the row before it, but for those of items that are thought of. */
static void expand_flat(const space_t *s, const window_t *w, const int32_t *items, sequence_pack_t *pack, uint64_t key)
{
    int64_t needed = pack->think;
    for (int64_t j = 0; j < w->count; j++) {
        const int32_t *sid = space_sid(s, items[j]);
        const int n = space_sid_length(s, items[j]);
        const bool target = j >= w->context, thought = target && needed > 0 && drawn(key, needed, w->count - j);
        int64_t node = 0;
        if (thought) {
            score_item(s, items[j], pack);
            needed--;
        }
        for (int l = 0; l < n; l++) {
            if (target && !thought)
                pack->positions[pack->scored++] = (scored_position_t){(int32_t)(pack->rows - 1), sid[l], space_next(s, l, node), TASK_NEXT};
            node = trie_child(&s->trie, node, sid[l]);
            if (j + 1 < w->count || l + 1 < n) pack->symbols[pack->rows++] = sid[l];
        }
    }
}

static void expand_timeline(const space_t *s, const window_t *w, const int32_t *items, sequence_pack_t *pack)
{
    pack->symbols[pack->rows++] = TIMELINE_BOS;
    for (int64_t j = 0; j < w->count; j++) {
        if (j >= w->context) score_item(s, items[j], pack);
        if (j + 1 < w->count) pack->symbols[pack->rows++] = items[j];
    }
}

static void window_expand(const void *ctx, int64_t i, sequence_pack_t *pack)
{
    const histories_t *h = ctx;
    const window_t *w = &h->windows[i];
    const int32_t *items = h->x->item_index + w->first;
    if (h->space->body == BODY_TIMELINE) {
        expand_timeline(h->space, w, items, pack);
        return;
    }
    pack->rows = space_begin(h->space, TASK_NEXT, space_wording(h->space, TASK_NEXT, i), pack->rows, pack->symbols);
    expand_flat(h->space, w, items, pack, rng_key(pack->key, (uint64_t)i));
}

static void histories_free(void *ctx)
{
    histories_t *h = ctx;
    free(h->windows);
    free(h);
}

sequence_task_t histories_task(const interactions_t *x, const space_t *space, hold_back_t hold)
{
    histories_t *h = NEW(histories_t);
    *h = (histories_t){.x = x, .space = space};
    for (int64_t u = 0; u < x->users; u++) {
        history_t read;
        if (interactions_training(x, u, &read))
            add_windows(h, read.items - x->item_index, read.count - holds_back(hold, u, read.count));
    }
    return (sequence_task_t){"histories", h, h->count, space_longest(space), h->targets, window_rows, window_expand,
                             histories_free};
}
