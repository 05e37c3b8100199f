/* Words of ids and titles against a look at every item. */
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/rng.h"
#include "select/word_index.h"
#include "unit.h"

static strtab_t ids_of(int64_t n)
{
    strtab_t ids = {0};
    for (int64_t i = 0; i < n; i++) {
        char id[32];
        strtab_add(&ids, id, (size_t)snprintf(id, sizeof id, "B%lld-x", (long long)i));
    }
    return ids;
}

/* The items of a text, "1 2 7"; "many" for too many words. */
static const char *found(const word_index_t *x, const char *text)
{
    static buf_t out;
    buf_clear(&out);
    buf_puts(&out, "");
    item_set_t *s = word_index_find(x, text, strlen(text));
    if (!s) return "many";
    for (int64_t i = item_set_next(s, 0); i >= 0; i = item_set_next(s, i + 1)) buf_printf(&out, out.len ? " %lld" : "%lld", (long long)i);
    item_set_free(s);
    return out.data;
}

static bool finds(const word_index_t *x, const char *text, const char *expected)
{
    const char *got = found(x, text);
    const bool same = !strcmp(got, expected);
    if (!same) printf("# '%s' finds '%s', expected '%s'\n", text, got, expected);
    return same;
}

TEST(words_begin_so)
{
    char *titles[] = {"Green Tea, 1.7 oz", "Teapot of Tea", NULL, "\xc3\x89toile STRASSE", "caf\xc3\xa9 \xe7\xb7\x91\xe8\x8c\xb6", ""};
    strtab_t ids = ids_of(6);
    word_index_t *x = word_index_new(&ids, titles);
    CHECK(finds(x, "tea", "0 1"));
    CHECK(finds(x, "TEA gr", "0"));
    CHECK(finds(x, "tea teap", "1"));
    CHECK(finds(x, "tea tea te", "0 1"));
    CHECK(finds(x, "1.7", "0"));
    CHECK(finds(x, "reen", ""));
    CHECK(finds(x, "e\xcc\x81toile stra\xc3\x9f", "3")); /* a combining accent; sharp s */
    CHECK(finds(x, "\xe7\xb7\x91", "4"));
    CHECK(finds(x, "b3", "3"));
    CHECK(finds(x, "B3-X", "3"));
    CHECK(finds(x, "b x", "0 1 2 3 4 5"));
    CHECK(finds(x, "tea nothing", ""));
    CHECK(finds(x, "", ""));
    CHECK(finds(x, " ,.!\t", ""));
    CHECK(finds(x, "zzz", ""));
    word_index_free(x);
    x = word_index_new(&ids, NULL);
    CHECK(finds(x, "tea", "") && finds(x, "b5", "5"));
    word_index_free(x);
    strtab_free(&ids);
    x = word_index_new(&(strtab_t){0}, NULL);
    CHECK(finds(x, "tea", ""));
    word_index_free(x);
}

TEST(too_many_words)
{
    strtab_t ids = ids_of(2);
    word_index_t *x = word_index_new(&ids, NULL);
    buf_t text = {0};
    for (int i = 0; i < SEARCH_WORDS_MOST; i++) buf_puts(&text, "b1 ");
    CHECK(finds(x, text.data, "1"));
    buf_puts(&text, "b1");
    CHECK(finds(x, text.data, "many"));
    for (int i = 0; i < 2; i++) { /* a megabyte, of one word and of many */
        item_set_t *s;
        buf_t long_text = {0};
        for (int j = 0; j < 1 << 19; j++) buf_puts(&long_text, i ? "a" : "a ");
        s = word_index_find(x, long_text.data, long_text.len);
        CHECK(!s == !i && (!s || !s->count));
        item_set_free(s);
        buf_free(&long_text);
    }
    buf_free(&text);
    word_index_free(x);
    strtab_free(&ids);
}

/* Random titles of few letters, and queries of one to three words, by a look at all. */
TEST(as_a_look_at_all)
{
    enum { ITEMS = 300, WORDS = 4, QUERIES = 500 };
    static char text[ITEMS][WORDS][4];
    char *titles[ITEMS];
    uint64_t at = 0;
    strtab_t ids = ids_of(ITEMS);
    for (int i = 0; i < ITEMS; i++) {
        for (int w = 0; w < WORDS; w++)
            for (uint64_t l = 0, n = 1 + rng_below(3, at++, 3); l < n; l++) text[i][w][l] = (char)('p' + rng_below(3, at++, 4));
        titles[i] = xasprintf("%s %s %s %s", text[i][0], text[i][1], text[i][2], text[i][3]);
    }
    word_index_t *x = word_index_new(&ids, titles);
    for (int q = 0; q < QUERIES; q++) {
        char query[3][4] = {"", "", ""};
        const int words = 1 + q % 3;
        for (int w = 0; w < words; w++)
            for (uint64_t l = 0, n = 1 + rng_below(4, at++, 3); l < n; l++) query[w][l] = (char)('p' + rng_below(4, at++, 4));
        char *asked = xasprintf("%s %s %s", query[0], query[1], query[2]);
        item_set_t *s = word_index_find(x, asked, strlen(asked));
        for (int i = 0; i < ITEMS; i++) {
            bool all = true;
            for (int w = 0; w < words; w++) {
                bool any = false;
                for (int t = 0; t < WORDS; t++) any = any || !strncmp(text[i][t], query[w], strlen(query[w]));
                all = all && any;
            }
            CHECK(item_set_holds(s, i) == all);
        }
        item_set_free(s);
        free(asked);
    }
    for (int i = 0; i < ITEMS; i++) free(titles[i]);
    word_index_free(x);
    strtab_free(&ids);
}

UNIT_MAIN(UNIT(words_begin_so), UNIT(too_many_words), UNIT(as_a_look_at_all))
