#include "intent/evidence_rules.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "intent/caption_rules.h"
#include "intent/lexicon.h"
#include "text/phrases.h"

enum { SHARED_BY = 3 };

struct at_word {
    candidates_t *c;
    int64_t i;
};

static void take_entry(void *ctx, const lexicon_entry_t *entry, int words)
{
    (void)words;
    const struct at_word *at = ctx;
    field_id_t field = (field_id_t)at->c->words.words[at->i].field;
    candidates_add(at->c, entry->text, entry->rule, rule_strength(entry->rule), field);
}

/* States of skin, hair and nails, and what they can be states of: found together across lists ("dry, damaged or frizzy
 * hair"), they make "dry hair care", "damaged hair care", "frizzy hair care". */
static bool is_one_of(const char *word, const char *const *list, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (!strcmp(word, list[i])) return true;
    return false;
}

static bool is_state(const char *word)
{
    static const char *const list[] = {
        "dry", "oily", "sensitive", "damaged", "frizzy", "curly", "fine", "thin", "thinning", "thick", "combination",
        "mature", "chapped", "cracked", "brittle", "weak", "aging", "dull", "flaky", "blonde", "brunette", "itchy",
        "delicate", "coarse", "distressed", "dehydrated", "rough", "limp", "wavy", "textured", "treated", "prone",
    };
    return is_one_of(word, list, sizeof list / sizeof *list);
}

static const char *body_part(const char *word)
{
    static const struct { const char *form, *part; } list[] = {
        {"skin", "skin"}, {"hair", "hair"}, {"scalp", "scalp"}, {"lips", "lip"}, {"nails", "nail"}, {"hands", "hand"},
        {"feet", "foot"}, {"lashes", "lash"}, {"cuticles", "cuticle"}, {"curls", "curl"},
    };
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (!strcmp(word, list[i].form)) return list[i].part;
    return NULL;
}

static bool may_stand_between(const char *word)
{
    static const char *const list[] = {"and", "or", "to", "very", "extra", "extremely", "color", "colour", "acne", "normal"};
    return is_one_of(word, list, sizeof list / sizeof *list);
}

static void take_state(candidates_t *c, int64_t i)
{
    const phrase_words_t *w = &c->words;
    const char *state = word_text(w, i), *part = NULL, *before = i > 0 && w->words[i].follows ? word_text(w, i - 1) : "";
    if (!is_state(state)) return;
    for (int64_t k = i + 1; k < w->count && k <= i + 5 && w->words[k].field == w->words[i].field; k++) {
        const char *word = word_text(w, k);
        if ((part = body_part(word)) || !(is_state(word) || may_stand_between(word))) break;
    }
    if (!part) return;
    bool compound = !strcmp(state, "treated") || !strcmp(state, "prone");
    if (compound && !is_one_of(before, (const char *const[]){"color", "colour", "acne"}, 3)) return;
    char *text = xasprintf("%s%s%s %s care", compound ? before : "", compound ? " " : "", state, part);
    candidates_add(c, text, RULE_CONDITION, rule_strength(RULE_CONDITION), (field_id_t)w->words[i].field);
    free(text);
}

static bool is_lovers_word(const char *word)
{
    static const char *const list[] = {"lover", "lovers", "enthusiast", "enthusiasts", "fans", "addicts", "collectors"};
    return is_one_of(word, list, sizeof list / sizeof *list);
}

/* "dog lovers", "tea enthusiasts". */
static void take_lovers(candidates_t *c, int64_t i)
{
    const phrase_words_t *w = &c->words;
    if (i == 0 || !w->words[i].follows || w->words[i - 1].stop || w->words[i - 1].has_digit) return;
    if (!is_lovers_word(word_text(w, i))) return;
    char *text = xasprintf("%s lovers", word_text(w, i - 1));
    candidates_add(c, text, RULE_AUDIENCE, 0.8, (field_id_t)w->words[i].field);
    free(text);
}

static void boost_entry(void *ctx, const lexicon_entry_t *entry, int words)
{
    (void)words;
    const struct at_word *at = ctx;
    double strength = entry->rule == RULE_AUDIENCE ? 0.65 : 0.9;
    candidates_add(at->c, entry->text, entry->rule, strength, (field_id_t)at->c->words.words[at->i].field);
}

/* "for" in a title tells what the item is for; in a sentence it is often about a part ("a slot for a card"). */
static double cue_strength(phrase_cue_t cue, field_id_t field)
{
    if (cue == CUE_IDEAL_FOR || cue == CUE_GIFT_FOR) return 0.9;
    if (cue == CUE_WHILE) return 0.7;
    return field == FIELD_TITLE ? 0.8 : 0.4;
}

/* Finds the entry of the lexicon that the purpose's first n words are. */
static const lexicon_entry_t *known_purpose(const candidates_t *c, const phrase_purpose_t *p, int n, phrase_words_t *phrase)
{
    buf_t text = {0};
    words_join(&c->words, p->first, n, &text);
    words_clear(phrase);
    words_add(phrase, text.data, text.len, FIELD_TITLE);
    buf_free(&text);
    return lexicon_find(phrase);
}

/* Decides how many words to cut the purpose to; 0 where one word is left that no other item is for. */
static int shared_length(const candidates_t *c, const phrase_purpose_t *p, candidates_frequency_fn frequency, const void *ctx)
{
    for (int n = p->words; frequency && n > 0; n--)
        if (purpose_can_end(&c->words, p, n) && frequency(ctx, words_key(&c->words, p->first, n)) >= SHARED_BY) return n;
    return frequency && p->base == 1 ? 0 : p->base;
}

static void take_purpose(candidates_t *c, int64_t i, candidates_frequency_fn frequency, const void *ctx, phrase_words_t *phrase)
{
    phrase_purpose_t p;
    if (c->domain == DOMAIN_STORY || !purpose_at(&c->words, i, &p)) return;
    field_id_t field = (field_id_t)c->words.words[i].field;
    struct at_word at = {c, p.first};
    if (p.cue != CUE_GIFT_FOR && known_purpose(c, &p, p.base, phrase)) {
        lexicon_at(&c->words, p.first, c->domain, boost_entry, &at);
        return;
    }
    int n = shared_length(c, &p, frequency, ctx);
    if (!n) return;
    buf_t text = {0};
    if (p.cue == CUE_GIFT_FOR) buf_puts(&text, "gifts for ");
    words_join(&c->words, p.first, n, &text);
    candidates_add(c, text.data, p.cue == CUE_GIFT_FOR ? RULE_OCCASION : RULE_PURPOSE, cue_strength(p.cue, field), field);
    buf_free(&text);
}

/* Films are remembered by their time: "(1957)" at the end of the title. */
static void take_year(candidates_t *c, const evidence_t *e)
{
    const char *open = e->text[FIELD_TITLE] ? strrchr(e->text[FIELD_TITLE], '(') : NULL;
    int year;
    char end;
    if (!open || sscanf(open, "(%4d%c", &year, &end) != 2 || end != ')' || year < 1890 || year >= 1990) return;
    const char *text = year < 1965   ? "golden age cinema"
                       : year < 1980 ? "sixties and seventies classics"
                                     : "eighties nostalgia";
    candidates_add(c, text, RULE_THEME, 0.7, FIELD_TITLE);
}

void candidates_find(candidates_t *c, const evidence_t *e, candidates_frequency_fn frequency, const void *ctx)
{
    phrase_words_t phrase = {0};
    buf_clear(&c->bytes);
    c->count = 0;
    words_of_evidence(&c->words, e);
    c->domain = lexicon_domain(&c->words, e);
    if (c->domain == DOMAIN_STORY) take_year(c, e);
    for (int64_t i = 0; i < c->words.count; i++) {
        struct at_word at = {c, i};
        lexicon_at(&c->words, i, c->domain, take_entry, &at);
        take_purpose(c, i, frequency, ctx, &phrase);
        if (c->domain == DOMAIN_COSMETIC) take_state(c, i);
        if (c->domain != DOMAIN_STORY) take_lovers(c, i);
    }
    if (e->text[FIELD_CAPTION] && c->domain != DOMAIN_STORY) caption_candidates(c, e->text[FIELD_CAPTION]);
    words_free(&phrase);
}

void candidates_keys(const candidates_t *c, void (*count)(void *ctx, uint64_t key), void *ctx)
{
    for (int64_t i = 0; i < c->count; i++)
        if (c->list[i].rule != RULE_PURPOSE) count(ctx, c->list[i].key);
    for (int64_t i = 0; i < c->words.count; i++) {
        phrase_purpose_t p;
        if (c->domain == DOMAIN_STORY || !purpose_at(&c->words, i, &p)) continue;
        for (int n = 1; n <= p.words; n++)
            if (purpose_can_end(&c->words, &p, n)) count(ctx, words_key(&c->words, p.first, n));
    }
}
