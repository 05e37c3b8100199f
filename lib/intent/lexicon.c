#include "intent/lexicon.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "base/rng.h"

enum { PATTERN_WORDS = 4, SLOTS = 8192 };

typedef struct {
    uint64_t stem[PATTERN_WORDS];
    int words;
    const lexicon_entry_t *entry;
    int next; /* pattern with the same first stem; -1: none */
} pattern_t;

static pattern_t *patterns;
static int pattern_count, pattern_cap;
static int first_pattern[SLOTS]; /* open addressing by the first stem: pattern + 1, 0: free */
static pthread_once_t once = PTHREAD_ONCE_INIT;

const char *rule_name(lexicon_rule_t r)
{
    static const char *const names[RULES] = {"purpose", "occasion", "activity", "condition", "audience", "setting",
                                             "use",     "property", "theme",    "look",      "cluster"};
    return names[r];
}

static int *slot_of(uint64_t stem)
{
    uint64_t at = stem % SLOTS;
    while (first_pattern[at] && patterns[first_pattern[at] - 1].stem[0] != stem) at = (at + 1) % SLOTS;
    return &first_pattern[at];
}

static void add_pattern(const char *text, size_t n, const lexicon_entry_t *entry)
{
    pattern_t p = {.entry = entry, .next = -1};
    char *copy = xstrndup(text, n), *rest = copy, *word;
    while ((word = strsep(&rest, " "))) {
        if (p.words == PATTERN_WORDS) die(EX_SOFTWARE, "lexicon: pattern '%.*s' is too long", (int)n, text);
        p.stem[p.words++] = stem_of(word);
    }
    free(copy);
    GROW(patterns, pattern_count, pattern_cap);
    patterns[pattern_count++] = p;
}

static void compile_table(const lexicon_entry_t *table)
{
    for (const lexicon_entry_t *e = table; e->patterns; e++)
        for (const char *p = e->patterns; *p;) {
            size_t n = strcspn(p, "|");
            add_pattern(p, n, e);
            p += n + (p[n] == '|');
        }
}

static void compile(void)
{
    compile_table(lexicon_general);
    compile_table(lexicon_cosmetics);
    compile_table(lexicon_gear);
    compile_table(lexicon_stories);
    if (2 * pattern_count > SLOTS) die(EX_SOFTWARE, "lexicon: %d patterns in %d slots", pattern_count, SLOTS);
    for (int i = pattern_count - 1; i >= 0; i--) {
        int *slot = slot_of(patterns[i].stem[0]);
        patterns[i].next = *slot - 1;
        *slot = i + 1;
    }
}

static bool in_scope(lexicon_scope_t scope, lexicon_domain_t domain)
{
    switch (scope) {
    case FOR_PRODUCTS: return domain != DOMAIN_STORY;
    case FOR_GEAR: return domain == DOMAIN_PRODUCT;
    case FOR_COSMETICS: return domain == DOMAIN_COSMETIC;
    case FOR_STORIES: return domain == DOMAIN_STORY;
    }
    return false;
}

static bool stands_at(const pattern_t *p, const phrase_words_t *w, int64_t i)
{
    if (i + p->words > w->count) return false;
    for (int k = 0; k < p->words; k++) {
        const phrase_word_t *word = &w->words[i + k];
        bool apart = k && !word->follows && word->field != FIELD_CATEGORIES; /* "Face", "Cleansers" is one phrase */
        if (word->stem != p->stem[k] || word->field != w->words[i].field || apart) return false;
    }
    return true;
}

void lexicon_at(const phrase_words_t *w, int64_t i, lexicon_domain_t domain, lexicon_fn hit, void *ctx)
{
    pthread_once(&once, compile);
    for (int p = *slot_of(w->words[i].stem) - 1; p >= 0; p = patterns[p].next)
        if (in_scope(patterns[p].entry->scope, domain) && stands_at(&patterns[p], w, i))
            hit(ctx, patterns[p].entry, patterns[p].words);
}

const lexicon_entry_t *lexicon_find(const phrase_words_t *text)
{
    pthread_once(&once, compile);
    if (!text->count) return NULL;
    for (int p = *slot_of(text->words[0].stem) - 1; p >= 0; p = patterns[p].next)
        if (patterns[p].words == text->count && stands_at(&patterns[p], text, 0)) return patterns[p].entry;
    return NULL;
}

static bool has_word(const char *const *list, const char *word)
{
    for (; *list; list++)
        if (!strcmp(*list, word)) return true;
    return false;
}

/* Half of the categories or more are exactly genres. */
static bool is_story(const char *categories)
{
    static const char *const genres[] = {
        "Action", "Animation", "Children", "Children's", "Comedy", "Crime", "Documentary", "Drama", "Fantasy", "Film-Noir",
        "Horror", "Musical", "Mystery", "Romance", "Sci-Fi", "Science Fiction", "Thriller", "War", "Western", NULL,
    };
    char *copy = xstrdup(categories), *rest = copy, *c;
    int count = 0, found = 0;
    while ((c = strsep(&rest, ",|"))) {
        count++;
        found += has_word(genres, c + strspn(c, " "));
    }
    free(copy);
    return 2 * found >= count;
}

lexicon_domain_t lexicon_domain(const phrase_words_t *w, const evidence_t *e)
{
    static const char *const cosmetic[] = {
        "beauty", "makeup", "cosmetic", "cosmetics", "skincare", "haircare", "shampoo", "fragrance", "perfume", "moisturizer",
        "moisturiser", "cleanser", "lipstick", "mascara", "serum", "lotion", NULL,
    };
    static const char *const in_categories[] = {"skin", "hair", "nail", "nails", NULL};
    if (e->text[FIELD_CATEGORIES] && is_story(e->text[FIELD_CATEGORIES])) return DOMAIN_STORY;
    bool categories = e->text[FIELD_CATEGORIES] != NULL;
    for (int64_t i = 0; i < w->count; i++) {
        field_id_t f = (field_id_t)w->words[i].field;
        field_id_t where = categories ? FIELD_CATEGORIES : FIELD_TITLE;
        if (f != where) continue;
        if (has_word(cosmetic, word_text(w, i))) return DOMAIN_COSMETIC;
        if (categories && has_word(in_categories, word_text(w, i))) return DOMAIN_COSMETIC;
    }
    return DOMAIN_PRODUCT;
}
