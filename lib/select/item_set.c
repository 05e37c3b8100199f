#include "select/item_set.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

static size_t words(int64_t bits) { return (size_t)(bits / 64 + 1); }
static void set(uint64_t *bits, int64_t i) { bits[i / 64] |= UINT64_C(1) << (i % 64); }
static void clear(uint64_t *bits, int64_t i) { bits[i / 64] &= ~(UINT64_C(1) << (i % 64)); }

item_set_t *item_set_new(int64_t items, const trie_t *trie)
{
    item_set_t *s = NEW(item_set_t);
    *s = (item_set_t){.items = items, .trie = trie, .item = NEW_ARRAY(uint64_t, words(items))};
    if (trie) s->node = NEW_ARRAY(uint64_t, words(trie->nodes));
    return s;
}

static void set_all(uint64_t *bits, int64_t n)
{
    memset(bits, 0xff, words(n) * sizeof *bits);
    bits[n / 64] = (UINT64_C(1) << (n % 64)) - 1;
}

item_set_t *item_set_all(int64_t items, const trie_t *trie)
{
    item_set_t *s = item_set_new(items, trie);
    set_all(s->item, s->count = items);
    if (trie && items > 0) set_all(s->node, trie->nodes);
    return s;
}

item_set_t *item_set_copy(const item_set_t *s)
{
    item_set_t *copy = item_set_new(s->items, s->trie);
    copy->count = s->count;
    memcpy(copy->item, s->item, words(s->items) * sizeof *s->item);
    if (s->trie) memcpy(copy->node, s->node, words(s->trie->nodes) * sizeof *s->node);
    return copy;
}

void item_set_free(item_set_t *s)
{
    if (!s) return;
    free(s->item);
    free(s->node);
    free(s);
}

void item_set_add(item_set_t *s, int32_t item)
{
    if (item_set_holds(s, item)) return;
    set(s->item, item);
    s->count++;
    if (!s->trie) return;
    for (int64_t node = s->trie->leaf[item]; node >= 0 && !item_set_leads(s, node); node = s->trie->parent[node]) set(s->node, node);
}

static bool a_child_leads(const item_set_t *s, int64_t node)
{
    for (int64_t c = s->trie->first[node]; c < s->trie->first[node] + s->trie->children[node]; c++)
        if (item_set_leads(s, c)) return true;
    return false;
}

void item_set_remove(item_set_t *s, int32_t item)
{
    if (!item_set_holds(s, item)) return;
    clear(s->item, item);
    s->count--;
    if (!s->trie) return;
    for (int64_t node = s->trie->leaf[item]; node >= 0 && !a_child_leads(s, node); node = s->trie->parent[node]) clear(s->node, node);
}

void item_set_intersect(item_set_t *s, const item_set_t *other)
{
    for (int64_t i = item_set_next(s, 0); i >= 0; i = item_set_next(s, i + 1))
        if (!item_set_holds(other, i)) item_set_remove(s, (int32_t)i);
}

int64_t item_set_next(const item_set_t *s, int64_t item)
{
    for (; item < s->items; item = (item / 64 + 1) * 64) {
        const uint64_t rest = s->item[item / 64] >> (item % 64);
        if (rest) return item + __builtin_ctzll(rest);
    }
    return -1;
}
