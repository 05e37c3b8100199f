/* The lexicon of the builtin engine: words that tell what an item is for, and the canonical descriptor that each stands for,
 * so that related items share descriptors whatever words they use. General English, no brand names. */
#ifndef SIDMILL_INTENT_LEXICON_H
#define SIDMILL_INTENT_LEXICON_H

#include "text/phrases.h"

/* Which rule speaks; also the `source` of the descriptor, after "builtin:". */
typedef enum {
    RULE_PURPOSE,   /* the text's own words after "for", "while" ... */
    RULE_OCCASION,  /* when: weddings, holidays, gifts */
    RULE_ACTIVITY,  /* doing what: sports, hobbies, housework */
    RULE_CONDITION, /* against what: dry skin, split ends */
    RULE_AUDIENCE,  /* for whom */
    RULE_SETTING,   /* where: kitchens, bathrooms, the road */
    RULE_USE,       /* what its kind of product does */
    RULE_PROPERTY,  /* what a property is good for: waterproof, foldable */
    RULE_THEME,     /* films and books: genre, subject, mood */
    RULE_LOOK,      /* what the picture's colours and light go with */
    RULE_CLUSTER,   /* key-phrases of the item's cluster */
    RULES
} lexicon_rule_t;

const char *rule_name(lexicon_rule_t r);

/* Which items an entry is about. */
typedef enum { FOR_PRODUCTS, FOR_GEAR /* products, but not cosmetics */, FOR_COSMETICS, FOR_STORIES } lexicon_scope_t;

typedef struct {
    lexicon_rule_t rule;
    lexicon_scope_t scope;
    const char *patterns; /* alternatives of 1 to 4 words, set off by '|' */
    const char *text;     /* the descriptor */
} lexicon_entry_t;

/* The tables: each ends with an entry without patterns. */
extern const lexicon_entry_t lexicon_general[], lexicon_cosmetics[], lexicon_gear[], lexicon_stories[];

typedef enum { DOMAIN_PRODUCT, DOMAIN_COSMETIC, DOMAIN_STORY } lexicon_domain_t;

/* What the item is: a story where half of its categories are genres, a cosmetic where its words say so, else a product. */
lexicon_domain_t lexicon_domain(const phrase_words_t *w, const evidence_t *e);

/* Calls hit() for every entry whose pattern stands at word i and whose scope holds the domain; plural endings are ignored
 * on both sides. Safe from any thread. */
typedef void (*lexicon_fn)(void *ctx, const lexicon_entry_t *entry, int words);
void lexicon_at(const phrase_words_t *w, int64_t i, lexicon_domain_t domain, lexicon_fn hit, void *ctx);

/* The entry whose descriptor, pattern or pattern's plural `text` is (folded words, plural endings ignored); NULL if none. */
const lexicon_entry_t *lexicon_find(const phrase_words_t *text);

#endif
