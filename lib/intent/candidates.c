#include "intent/candidates.h"

#include <stdlib.h>
#include <string.h>
#include <xxhash.h>

#include "base/mem.h"

enum { MAX_CANDIDATES = 256 };

double rule_strength(lexicon_rule_t r)
{
    static const double strength[RULES] = {
        [RULE_PURPOSE] = 0.8,  [RULE_OCCASION] = 0.7, [RULE_ACTIVITY] = 0.8, [RULE_CONDITION] = 0.8, [RULE_AUDIENCE] = 0.5,
        [RULE_SETTING] = 0.6,  [RULE_USE] = 0.7,      [RULE_PROPERTY] = 0.5, [RULE_THEME] = 0.6,     [RULE_LOOK] = 0.4,
        [RULE_CLUSTER] = 0.4,
    };
    return strength[r];
}

double field_weight(field_id_t f)
{
    static const double weight[FIELDS] = {
        [FIELD_TITLE] = 1, [FIELD_CATEGORIES] = 0.9, [FIELD_DESCRIPTION] = 0.8, [FIELD_CAPTION] = 0.6, [FIELD_LABELS] = 0.2,
    };
    return weight[f];
}

uint64_t descriptor_key(const char *text) { return XXH3_64bits(text, strlen(text)); }

const char *candidate_text(const candidates_t *c, int64_t i) { return c->bytes.data + c->list[i].text; }

void candidates_add(candidates_t *c, const char *text, lexicon_rule_t rule, double strength, field_id_t field)
{
    uint64_t key = descriptor_key(text);
    int64_t i = 0;
    while (i < c->count && c->list[i].key != key) i++;
    if (i == c->count) {
        if (c->count == MAX_CANDIDATES) return;
        GROW(c->list, c->count, c->cap);
        c->list[c->count++] = (intent_candidate_t){.text = (int64_t)c->bytes.len, .key = key, .rule = rule};
        buf_add(&c->bytes, text, strlen(text) + 1);
    }
    intent_candidate_t *found = &c->list[i];
    if (rule_strength(rule) > rule_strength(found->rule)) found->rule = rule;
    if (strength > found->support[field]) found->support[field] = strength;
}

double candidate_confidence(const intent_candidate_t *c)
{
    double not = 1;
    for (int f = 0; f < FIELDS; f++) not *= 1 - c->support[f] * field_weight((field_id_t)f);
    return 1 - not;
}

void candidates_free(candidates_t *c)
{
    words_free(&c->words);
    buf_free(&c->bytes);
    free(c->list);
    *c = (candidates_t){0};
}
