#include "intent/judge_builtin.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "intent/evidence_rules.h"

enum { MOST_WORDS = 8 };
static const double LEAST_CONFIDENCE = 0.4;

static bool is_among(const char *word, const char *const *list)
{
    for (; *list; list++)
        if (!strcmp(word, *list)) return true;
    return false;
}

/* Words that fit anything that is sold. */
static bool is_empty_praise(const char *word)
{
    static const char *const list[] = {
        "amazing", "awesome", "beautiful", "best", "better", "brand", "cheap", "classic", "cool", "everyday", "excellent",
        "fine", "fun", "good", "great", "high", "ideal", "item", "items", "modern", "new", "nice", "original", "perfect",
        "premium", "product", "products", "quality", "simple", "special", "standard", "stuff", "super", "thing", "things",
        "top", "useful", "value", "versatile", NULL,
    };
    return is_among(word, list);
}

/* Words that make a descriptor one of doing. */
static bool names_a_purpose(const char *word)
{
    static const char *const list[] = {
        "care", "comfort", "control", "gift", "gifts", "living", "lovers", "occasion", "occasions", "parties", "party",
        "practice", "protection", "relief", "repair", "session", "sessions", "stories", "treatment", "trip", "trips",
        "evenings", "nights", "days", "weekends", "walks", "hikes", "workout", "workouts", "runs", "use", "wear", NULL,
    };
    return is_among(word, list) || word_is_gerund(word);
}

static bool is_content(const phrase_words_t *w, int64_t i)
{
    return !w->words[i].stop && !is_empty_praise(word_text(w, i)) && !word_is_unit(word_text(w, i));
}

static bool is_specific(const phrase_words_t *w)
{
    if (w->count < 1 || w->count > MOST_WORDS) return false;
    for (int64_t i = 0; i < w->count; i++)
        if (is_content(w, i) && !w->words[i].has_digit) return true;
    return false;
}

static void note_hit(void *ctx, const lexicon_entry_t *entry, int words)
{
    (void)words;
    *(bool *)ctx = *(bool *)ctx || (entry->rule != RULE_LOOK && entry->rule != RULE_PROPERTY);
}

/* `found`: the candidate of the evidence that has the same text; NULL if none. */
static bool is_actionable(const phrase_words_t *w, lexicon_domain_t domain, const intent_candidate_t *found)
{
    if (found && found->rule != RULE_LOOK) return true;
    bool hit = false;
    for (int64_t i = 0; i < w->count && !hit; i++) {
        hit = names_a_purpose(word_text(w, i));
        if (!hit) lexicon_at(w, i, domain, note_hit, &hit);
    }
    return hit;
}

static bool stands_in(const phrase_words_t *evidence, uint64_t stem)
{
    for (int64_t i = 0; i < evidence->count; i++)
        if (evidence->words[i].stem == stem) return true;
    return false;
}

static bool is_grounded(const phrase_words_t *evidence, const phrase_words_t *w)
{
    int64_t content = 0, supported = 0;
    for (int64_t i = 0; i < w->count; i++) {
        if (!is_content(w, i)) continue;
        content++;
        supported += stands_in(evidence, w->words[i].stem);
    }
    return content && 2 * supported >= content;
}

/* Finds the entry of the lexicon that `text` is, or is a pattern of. */
static const intent_candidate_t *find_candidate(const candidates_t *c, const char *text, const phrase_words_t *w)
{
    const lexicon_entry_t *entry = lexicon_find(w);
    uint64_t key = descriptor_key(entry ? entry->text : text);
    for (int64_t i = 0; i < c->count; i++)
        if (c->list[i].key == key && c->list[i].rule != RULE_PURPOSE) return &c->list[i];
    return NULL;
}

judge_verdict_t builtin_verdict(const candidates_t *evidence, const intent_t *i)
{
    phrase_words_t w = {0};
    words_add(&w, i->text, strlen(i->text), FIELD_TITLE);
    const intent_candidate_t *found = find_candidate(evidence, i->text, &w);
    bool confident = isnan(i->confidence) || i->confidence >= LEAST_CONFIDENCE;
    judge_verdict_t v = {
        .specific = is_specific(&w),
        .actionable = is_actionable(&w, evidence->domain, found),
        .grounded = confident && (found || is_grounded(&evidence->words, &w)),
    };
    words_free(&w);
    return v;
}

typedef struct {
    intent_judge_t judge;
    candidates_t scratch;
} judge_t;

static void judge(intent_judge_t *j, const evidence_t *evidence, intents_t *intents, intent_judged_fn done, void *ctx)
{
    judge_t *b = (judge_t *)j;
    candidates_find(&b->scratch, evidence, NULL, NULL);
    for (int i = 0; i < intents->count; i++) {
        judge_verdict_t v = builtin_verdict(&b->scratch, &intents->list[i]);
        intents->list[i].label = v.specific && v.actionable && v.grounded;
    }
    done(ctx, NULL);
}

static void free_judge(intent_judge_t *j)
{
    candidates_free(&((judge_t *)j)->scratch);
    free(j);
}

intent_judge_t *builtin_judge(void)
{
    judge_t *b = NEW(judge_t);
    b->judge = (intent_judge_t){judge, free_judge};
    return &b->judge;
}
