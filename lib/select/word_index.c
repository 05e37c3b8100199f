#include "select/word_index.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/tokens.h"

typedef struct {
    int64_t word; /* as `words` first had it */
    int32_t item;
} pair_t;

struct word_index {
    int64_t items;
    strtab_t words;
    int64_t *sorted; /* [words] their rows, in the order of their bytes */
    int64_t *first;  /* [words + 1] by that order: into `item` */
    int32_t *item;
};

/* What the index is made from. */
typedef struct {
    word_index_t *x;
    tokens_t tokens;
    buf_t word;
    pair_t *pairs;
    int64_t count, cap;
} maker_t;

static void take_text(maker_t *m, int32_t item, const char *text, size_t n)
{
    tokens_split(&m->tokens, text, n);
    for (int64_t i = 0; i < m->tokens.count; i++) {
        buf_clear(&m->word);
        tokens_word(&m->tokens, i, &m->word);
        const uint64_t hash = strtab_hash(m->word.data, m->word.len);
        GROW(m->pairs, m->count, m->cap);
        m->pairs[m->count++] = (pair_t){strtab_find_or_add(&m->x->words, m->word.data, m->word.len, hash), item};
    }
}

/* Orders a word and n bytes; a beginning comes first. */
static int compare(const word_index_t *x, int64_t word, const char *bytes, size_t n)
{
    size_t length;
    const char *s = strtab_get(&x->words, word, &length);
    const int order = memcmp(s, bytes, length < n ? length : n);
    return order ? order : (length > n) - (length < n);
}

static int by_bytes(const void *a, const void *b, void *ctx)
{
    size_t n;
    const char *s = strtab_get(&((word_index_t *)ctx)->words, *(const int64_t *)b, &n);
    return compare(ctx, *(const int64_t *)a, s, n);
}

static void sort_words(word_index_t *x)
{
    x->sorted = NEW_ARRAY(int64_t, x->words.count + 1);
    for (int64_t i = 0; i < x->words.count; i++) x->sorted[i] = i;
    if (x->words.count) qsort_r(x->sorted, (size_t)x->words.count, sizeof *x->sorted, by_bytes, x);
}

/* Lays the items of each word side by side. */
static void lay_out(word_index_t *x, const pair_t *pairs, int64_t n)
{
    int64_t *next = NEW_ARRAY(int64_t, x->words.count + 1), sum = 0;
    x->first = NEW_ARRAY(int64_t, x->words.count + 1);
    x->item = NEW_ARRAY(int32_t, n + 1);
    for (int64_t i = 0; i < n; i++) next[pairs[i].word]++;
    for (int64_t i = 0; i < x->words.count; i++) {
        const int64_t word = x->sorted[i], count = next[word];
        x->first[i] = next[word] = sum;
        sum += count;
    }
    x->first[x->words.count] = sum;
    for (int64_t i = 0; i < n; i++) x->item[next[pairs[i].word]++] = pairs[i].item;
    free(next);
}

word_index_t *word_index_new(const strtab_t *ids, char *const *titles)
{
    maker_t m = {.x = NEW(word_index_t)};
    m.x->items = ids->count;
    strtab_index(&m.x->words);
    for (int64_t i = 0; i < ids->count; i++) {
        size_t n;
        const char *id = strtab_get(ids, i, &n);
        take_text(&m, (int32_t)i, id, n);
        if (titles && titles[i]) take_text(&m, (int32_t)i, titles[i], strlen(titles[i]));
    }
    strtab_unindex(&m.x->words);
    sort_words(m.x);
    lay_out(m.x, m.pairs, m.count);
    tokens_free(&m.tokens);
    buf_free(&m.word);
    free(m.pairs);
    return m.x;
}

void word_index_free(word_index_t *x)
{
    if (!x) return;
    strtab_free(&x->words);
    free(x->sorted);
    free(x->first);
    free(x->item);
    free(x);
}

/* The items that have a word that begins with n bytes. */
static item_set_t *with_beginning(const word_index_t *x, const char *bytes, size_t n)
{
    item_set_t *s = item_set_new(x->items, NULL);
    int64_t low = 0, high = x->words.count;
    while (low < high) {
        const int64_t middle = low + (high - low) / 2;
        if (compare(x, x->sorted[middle], bytes, n) < 0) low = middle + 1;
        else high = middle;
    }
    for (; low < x->words.count; low++) {
        size_t length;
        const char *word = strtab_get(&x->words, x->sorted[low], &length);
        if (length < n || memcmp(word, bytes, n)) break;
        for (int64_t i = x->first[low]; i < x->first[low + 1]; i++) item_set_add(s, x->item[i]);
    }
    return s;
}

/* Whether a word of a text is the beginning of another, or the same as one before it: what holds the other holds it. */
static bool is_implied(const tokens_t *t, int64_t i)
{
    const tokens_word_t *w = &t->words[i];
    for (int64_t j = 0; j < t->count; j++) {
        const tokens_word_t *o = &t->words[j];
        if (o->length < w->length || (o->length == w->length && j >= i)) continue;
        if (!memcmp(t->cp + w->start, t->cp + o->start, (size_t)w->length * sizeof *t->cp)) return true;
    }
    return false;
}

item_set_t *word_index_find(const word_index_t *x, const char *text, size_t n)
{
    tokens_t t = {0};
    buf_t word = {0};
    item_set_t *found = NULL;
    tokens_split(&t, text, n);
    const bool many = t.count > SEARCH_WORDS_MOST;
    for (int64_t i = 0; i < t.count && !many && !(found && !found->count); i++) {
        if (is_implied(&t, i)) continue;
        buf_clear(&word);
        tokens_word(&t, i, &word);
        item_set_t *with = with_beginning(x, word.data, word.len);
        if (found) item_set_intersect(with, found);
        item_set_free(found);
        found = with;
    }
    if (!found && !many) found = item_set_new(x->items, NULL);
    buf_free(&word);
    tokens_free(&t);
    return found;
}
