#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"
#include "data/trie.h"

#include <stdlib.h>

#include "unit.h"

/* A random catalogue with plenty of collisions. */
static sids_t random_sids(uint64_t seed, int64_t items, int levels, int codes, suffix_t how)
{
    sids_t s = {.items = items, .levels = levels, .codes = codes, .max_suffix = (int)items};
    s.code = NEW_ARRAY(int32_t, items * levels);
    s.suffix = NEW_ARRAY(int32_t, items);
    uint64_t key = rng_stream(seed, "codes");
    for (int64_t i = 0; i < items * levels; i++) s.code[i] = (int32_t)rng_below(key, (uint64_t)i, (uint64_t)codes);
    sids_assign_suffixes(&s, how);
    return s;
}

/* The tokens of every item, -1 beyond the end: the plain table that the trie must agree with. */
typedef struct {
    int64_t items;
    int32_t (*token)[SID_MAX_TOKENS + 1];
} table_t;

static table_t make_table(const sids_t *s, const vocab_t *v)
{
    table_t t = {s->items, xcalloc((size_t)s->items, sizeof *t.token)};
    for (int64_t i = 0; i < s->items; i++) {
        memset(t.token[i], -1, sizeof t.token[i]);
        vocab_sid(v, s, i, t.token[i]);
    }
    return t;
}

/* Follows every prefix of every item down the trie, and compares the children with a scan of the table. */
static void check_against_table(const trie_t *t, const table_t *table, int32_t vocabulary)
{
    char *allowed = xmalloc((size_t)vocabulary);
    for (int64_t i = 0; i < table->items; i++) {
        int64_t node = 0;
        for (int d = 0;; d++) {
            memset(allowed, 0, (size_t)vocabulary);
            int32_t children = 0;
            for (int64_t j = 0; j < table->items; j++) {
                int32_t next = table->token[j][d];
                if (next < 0 || memcmp(table->token[i], table->token[j], (size_t)d * sizeof(int32_t))) continue;
                children += !allowed[next];
                allowed[next] = 1;
            }
            CHECK(t->children[node] == children);
            for (int32_t c = 0; c < t->children[node]; c++) {
                int64_t child = t->first[node] + c;
                CHECK(allowed[t->token[child]]);
                CHECK(c == 0 || t->token[child] > t->token[child - 1]);
                CHECK(t->parent[child] == node);
                CHECK(trie_child(t, node, t->token[child]) == child);
            }
            for (int32_t token = -1; token <= vocabulary; token++)
                CHECK((trie_child(t, node, token) >= 0) == (token >= 0 && token < vocabulary && allowed[token]));
            if (table->token[i][d] < 0) break;
            CHECK(t->item[node] == -1);
            node = trie_child(t, node, table->token[i][d]);
        }
        CHECK(t->item[node] == i);
        CHECK(t->leaf[i] == node);
    }
    free(allowed);
}

static void try_catalogue(uint64_t seed, int64_t items, int levels, int codes, suffix_t how)
{
    sids_t s = random_sids(seed, items, levels, codes, how);
    vocab_t v = vocab_make(levels, codes, s.max_suffix);
    trie_t t = trie_build(&s, &v);
    table_t table = make_table(&s, &v);
    CHECK(t.items == items && t.token[0] == -1 && t.parent[0] == -1);
    int64_t leaves = 0;
    for (int64_t n = 0; n < t.nodes; n++) {
        leaves += t.item[n] >= 0;
        CHECK((t.item[n] >= 0) == (t.children[n] == 0));
        CHECK(n == 0 || t.parent[n] < n);
    }
    CHECK(leaves == items);
    check_against_table(&t, &table, v.size);
    trie_free(&t);
    free(table.token);
    sids_free(&s);
}

TEST(agrees_with_a_scan_of_the_catalogue)
{
    try_catalogue(1, 150, 3, 6, SUFFIX_COLLIDE);
    try_catalogue(2, 150, 3, 6, SUFFIX_ALWAYS);
    try_catalogue(3, 120, 1, 40, SUFFIX_COLLIDE);
    try_catalogue(4, 60, 5, 2, SUFFIX_COLLIDE);
    try_catalogue(5, 40, 2, 1, SUFFIX_COLLIDE); /* all items alike */
    try_catalogue(6, 1, 3, 8, SUFFIX_COLLIDE);
}

TEST(the_root_lists_first_codes)
{
    int32_t code[] = {2, 0, 0, 1, 2, 3}, suffix[] = {-1, -1, -1};
    sids_t s = {.items = 3, .levels = 2, .codes = 4, .max_suffix = 4, .code = code, .suffix = suffix};
    vocab_t v = vocab_make(2, 4, 4);
    CHECK(v.bos == 0 && v.first_code == 1 && v.first_suffix == 9 && v.size == 13);
    trie_t t = trie_build(&s, &v);
    CHECK(t.nodes == 6 && t.children[0] == 2);
    CHECK(t.token[t.first[0]] == 1 + 0 && t.token[t.first[0] + 1] == 1 + 2);
    int64_t two = trie_child(&t, 0, 1 + 2);
    CHECK(t.children[two] == 2 && t.token[t.first[two]] == 1 + 4 + 0 && t.token[t.first[two] + 1] == 1 + 4 + 3);
    trie_free(&t);
}

static void too_many_tokens(void) { vocab_make(16, 1 << 30, 0); }
static void add_a_text_token(void)
{
    vocab_t v = vocab_make(1, INT32_MAX - 2, 0);
    vocab_add_text(&v, 1);
}

static void no_levels(void) { vocab_make(0, 4, 4); }

static void foreign_vocabulary(void)
{
    sids_t s = random_sids(1, 10, 3, 4, SUFFIX_COLLIDE);
    vocab_t v = vocab_make(2, 4, 10);
    trie_build(&s, &v);
}

TEST(refuses_what_does_not_fit)
{
    CHECK(unit_exit_code(too_many_tokens) == EX_DATAERR);
    CHECK(unit_exit_code(add_a_text_token) == EX_DATAERR);
    CHECK(unit_exit_code(no_levels) == EX_DATAERR);
    CHECK(unit_exit_code(foreign_vocabulary) == EX_DATAERR);
}

UNIT_MAIN(UNIT(agrees_with_a_scan_of_the_catalogue), UNIT(the_root_lists_first_codes), UNIT(refuses_what_does_not_fit))
