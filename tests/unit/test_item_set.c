/* Sets of items against plain flags, and the nodes that lead to them against a walk down the trie. */
#include <stdlib.h>

#include "base/mem.h"
#include "base/rng.h"
#include "select/item_set.h"
#include "unit.h"

enum { ITEMS = 130, LEVELS = 3, CODES = 4 };

typedef struct {
    int32_t code[ITEMS * LEVELS], suffix[ITEMS];
    trie_t trie;
} fixture_t;

static fixture_t *fixture(void)
{
    fixture_t *f = NEW(fixture_t);
    for (int i = 0; i < ITEMS * LEVELS; i++) f->code[i] = (int32_t)rng_below(1, (uint64_t)i, CODES);
    sids_t s = {.items = ITEMS, .levels = LEVELS, .codes = CODES, .max_suffix = ITEMS, .code = f->code, .suffix = f->suffix};
    sids_assign_suffixes(&s, SUFFIX_COLLIDE);
    const vocab_t v = vocab_make(LEVELS, CODES, ITEMS);
    f->trie = trie_build(&s, &v);
    return f;
}

static void release(fixture_t *f)
{
    trie_free(&f->trie);
    free(f);
}

static bool finds_one(const trie_t *t, const bool *in, int64_t node)
{
    if (!t->children[node]) return in[t->item[node]];
    for (int64_t c = 0; c < t->children[node]; c++)
        if (finds_one(t, in, t->first[node] + c)) return true;
    return false;
}

static void check(const item_set_t *s, const bool *in)
{
    int64_t count = 0, next = item_set_next(s, 0);
    for (int64_t i = 0; i < ITEMS; i++) {
        CHECK(item_set_holds(s, i) == in[i]);
        if (!in[i]) continue;
        CHECK(next == i);
        next = item_set_next(s, i + 1);
        count++;
    }
    CHECK(next == -1 && s->count == count);
    for (int64_t n = 0; s->trie && n < s->trie->nodes; n++) CHECK(item_set_leads(s, n) == finds_one(s->trie, in, n));
}

TEST(items_come_and_go)
{
    fixture_t *f = fixture();
    const trie_t *tries[] = {&f->trie, NULL};
    for (int t = 0; t < 2; t++) {
        item_set_t *s = item_set_new(ITEMS, tries[t]);
        bool in[ITEMS] = {false};
        for (uint64_t step = 0; step < 600; step++) {
            const int32_t item = (int32_t)rng_below(2, step, ITEMS);
            in[item] = rng_below(3, step, 100) < (step < 300 ? 80 : 20);
            if (in[item]) item_set_add(s, item);
            else item_set_remove(s, item);
            if (step % 20 == 0) check(s, in);
        }
        check(s, in);
        item_set_free(s);
    }
    release(f);
}

TEST(all_copies_and_what_both_hold)
{
    fixture_t *f = fixture();
    item_set_t *all = item_set_all(ITEMS, &f->trie), *odd = item_set_new(ITEMS, NULL);
    bool in[ITEMS];
    for (int32_t i = 0; i < ITEMS; i++) in[i] = true;
    check(all, in);
    for (int32_t i = 0; i < ITEMS; i++) {
        in[i] = i % 2 && i > 60;
        if (i % 2) item_set_add(odd, i);
        if (i <= 60) item_set_remove(all, i);
    }
    item_set_t *both = item_set_copy(all);
    item_set_intersect(both, odd);
    check(both, in);
    CHECK(all->count == ITEMS - 61 && odd->count == ITEMS / 2);
    item_set_free(all);
    item_set_free(odd);
    item_set_free(both);
    release(f);
}

TEST(sizes_at_the_edge_of_a_word)
{
    for (int64_t items = 0; items < 130; items += items == 0 || items == 127 ? 1 : 63) {
        item_set_t *s = item_set_all(items, NULL);
        int64_t seen = 0;
        for (int64_t i = item_set_next(s, 0); i >= 0; i = item_set_next(s, i + 1)) CHECK(i == seen++);
        CHECK(seen == items);
        item_set_free(s);
    }
}

UNIT_MAIN(UNIT(items_come_and_go), UNIT(all_copies_and_what_both_hold), UNIT(sizes_at_the_edge_of_a_word))
