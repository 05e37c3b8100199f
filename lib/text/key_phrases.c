#include "text/key_phrases.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "text/key_table.h"

/* In a catalogue of more than BROAD_FROM items, a phrase of more than one item in BROAD_PART tells groups little. */
enum { BROAD_FROM = 100, BROAD_PART = 10 };

typedef struct {
    uint64_t key;
    int64_t text;     /* into bytes */
    int64_t last;     /* item that counted it last, + 1 */
    int32_t items, starts; /* items that have it; of them, at the start of the title */
    int32_t in_class;      /* items of the class at hand */
} phrase_t;

struct key_phrases {
    key_table_t index; /* key -> phrase */
    phrase_t *list;
    int64_t count, cap;
    int32_t *of_item;  /* phrases, item after item */
    int64_t entries, entries_cap;
    int64_t *offset;   /* [items] */
    int64_t items, items_cap;
    buf_t bytes;
};

static bool may_stand(const phrase_words_t *w, int64_t i)
{
    const phrase_word_t *word = &w->words[i];
    const char *text = word_text(w, i);
    return !word->stop && !word->has_digit && text[0] && text[1] && !word_is_unit(text);
}

void key_phrases_of(const phrase_words_t *w, void (*found)(void *ctx, uint64_t key, int64_t first, int words), void *ctx)
{
    for (int64_t i = 0; i < w->count; i++) {
        if (!may_stand(w, i)) continue;
        found(ctx, words_key(w, i, 1), i, 1);
        const bool pair = i + 1 < w->count && w->words[i + 1].follows && !w->words[i + 1].joined;
        if (pair && may_stand(w, i + 1)) found(ctx, words_key(w, i, 2), i, 2);
    }
}

struct adding {
    key_phrases_t *k;
    const phrase_words_t *w;
};

static void add_phrase(void *ctx, uint64_t key, int64_t first, int words)
{
    const struct adding *a = ctx;
    key_phrases_t *k = a->k;
    int64_t *slot = key_table_slot(&k->index, key);
    if (!*slot) {
        GROW(k->list, k->count, k->cap);
        k->list[k->count++] = (phrase_t){.key = key, .text = (int64_t)k->bytes.len};
        words_join(a->w, first, words, &k->bytes);
        buf_add(&k->bytes, "", 1);
        *slot = k->count;
    }
    phrase_t *p = &k->list[*slot - 1];
    if (p->last == k->items) return;
    p->last = k->items;
    p->items++;
    p->starts += a->w->words[first].field == FIELD_TITLE && a->w->words[first].place < 2;
    GROW(k->of_item, k->entries, k->entries_cap);
    k->of_item[k->entries++] = (int32_t)(*slot - 1);
}

key_phrases_t *key_phrases_new(void) { return NEW(key_phrases_t); }

void key_phrases_add(key_phrases_t *k, const phrase_words_t *w)
{
    GROW(k->offset, k->items, k->items_cap);
    k->offset[k->items++] = k->entries;
    struct adding a = {k, w};
    key_phrases_of(w, add_phrase, &a);
}

typedef struct {
    int32_t phrase;
    double score;
} scored_t;

static int by_score(const void *a, const void *b)
{
    const scored_t *x = a, *y = b;
    if (x->score > y->score) return -1;
    if (x->score < y->score) return 1;
    return (x->phrase > y->phrase) - (x->phrase < y->phrase);
}

/* Items and phrases by class. */
typedef struct {
    int64_t *first;  /* [classes + 1] into item */
    int64_t *item;
    int64_t *phrases; /* [classes] entries of the class's items */
    double mean;
} classes_t;

static classes_t group_items(const key_phrases_t *k, const int32_t *class_of, int64_t classes)
{
    classes_t g = {NEW_ARRAY(int64_t, classes + 2), NEW_ARRAY(int64_t, k->items), NEW_ARRAY(int64_t, classes), 0};
    for (int64_t i = 0; i < k->items; i++)
        if (class_of[i] >= 0) g.first[class_of[i] + 2]++;
    for (int64_t c = 2; c < classes + 2; c++) g.first[c] += g.first[c - 1];
    for (int64_t i = 0; i < k->items; i++) {
        if (class_of[i] < 0) continue;
        g.item[g.first[class_of[i] + 1]++] = i;
        g.phrases[class_of[i]] += (i + 1 < k->items ? k->offset[i + 1] : k->entries) - k->offset[i];
    }
    for (int64_t c = 0; c < classes; c++) g.mean += (double)g.phrases[c] / (double)classes;
    return g;
}

/* The phrases of the class's items, counted into in_class; returns how many there are. */
static int64_t count_class(key_phrases_t *k, const classes_t *g, int64_t c, scored_t **list, int64_t *cap)
{
    int64_t n = 0;
    for (int64_t j = g->first[c]; j < g->first[c + 1]; j++) {
        int64_t i = g->item[j], end = i + 1 < k->items ? k->offset[i + 1] : k->entries;
        for (int64_t e = k->offset[i]; e < end; e++) {
            phrase_t *p = &k->list[k->of_item[e]];
            if (p->in_class++) continue;
            GROW(*list, n, *cap);
            (*list)[n++] = (scored_t){k->of_item[e], 0};
        }
    }
    return n;
}

/* Colours and materials tell looks, not purposes. */
static bool is_look(const char *phrase)
{
    static const char *const list[] = {
        "alloy", "aluminum", "assorted", "beige", "black", "blue", "brown", "carbon", "clear", "color", "cotton", "dark",
        "gold", "gray", "green", "grey", "leather", "light", "metal", "multi", "nylon", "orange", "pink", "plastic",
        "purple", "red", "rubber", "silver", "stainless", "stainless steel", "steel", "tan", "titanium", "white", "wood",
        "yellow",
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (!strcmp(phrase, list[i])) return true;
    return false;
}

static double score(const key_phrases_t *k, const phrase_t *p, const classes_t *g, int64_t c)
{
    bool brand = 2 * p->starts > p->items, broad = k->items > BROAD_FROM && p->items > k->items / BROAD_PART;
    if (p->in_class < 2 || brand || broad || is_look(k->bytes.data + p->text)) return 0;
    return (double)p->in_class / (double)g->phrases[c] * log(1 + g->mean / (double)p->items);
}

void key_phrases_choose(key_phrases_t *k, const int32_t *class_of, int64_t classes, int most, int64_t *offset,
                        int64_t **phrase, float **share, strtab_t *text)
{
    classes_t g = group_items(k, class_of, classes);
    scored_t *list = NULL;
    int64_t cap = 0, rows = 0, phrase_cap = 0, share_cap = 0;
    *phrase = NULL;
    *share = NULL;
    for (int64_t c = 0; c < classes; c++) {
        offset[c] = rows;
        int64_t n = count_class(k, &g, c, &list, &cap), size = g.first[c + 1] - g.first[c];
        for (int64_t j = 0; j < n; j++) list[j].score = score(k, &k->list[list[j].phrase], &g, c);
        if (n) qsort(list, (size_t)n, sizeof *list, by_score);
        for (int64_t j = 0; j < n; j++) {
            phrase_t *p = &k->list[list[j].phrase];
            if (j < most && list[j].score > 0) {
                GROW(*phrase, rows, phrase_cap);
                GROW(*share, rows, share_cap);
                (*phrase)[rows] = (int64_t)p->key;
                (*share)[rows++] = (float)p->in_class / (float)size;
                const char *s = k->bytes.data + p->text;
                strtab_add(text, s, strlen(s));
            }
            p->in_class = 0;
        }
    }
    offset[classes] = rows;
    free(list);
    free(g.first);
    free(g.item);
    free(g.phrases);
}

void key_phrases_free(key_phrases_t *k)
{
    key_table_free(&k->index);
    free(k->list);
    free(k->of_item);
    free(k->offset);
    buf_free(&k->bytes);
    free(k);
}
