/* Candidate descriptors of one item, and how well each is supported. intent/evidence_rules.h and intent/caption_rules.h find
 * them. */
#ifndef SIDMILL_INTENT_CANDIDATES_H
#define SIDMILL_INTENT_CANDIDATES_H

#include "intent/lexicon.h"

typedef struct {
    int64_t text;            /* into candidates_t.bytes, NUL-terminated */
    uint64_t key;            /* of its text: see descriptor_key() */
    lexicon_rule_t rule;             /* the one that supports it best */
    double support[FIELDS];  /* strength of the best rule that found it in a field; 0: none */
} intent_candidate_t;

/* Zero-initialise, reuse for many items, free at the end. */
typedef struct {
    phrase_words_t words;    /* of the evidence */
    lexicon_domain_t domain;
    buf_t bytes;
    intent_candidate_t *list;
    int64_t count, cap;
} candidates_t;

/* The rules' strengths: how surely one finding of a rule names a purpose. Purposes are the stronger the plainer their cue:
 * "ideal for", "gift for" 0.9, "for" in a title 0.8, "while" 0.7, "for" elsewhere 0.4. */
double rule_strength(lexicon_rule_t r);

/* Adds one more, or more support for one that is there. */
void candidates_add(candidates_t *c, const char *text, lexicon_rule_t rule, double strength, field_id_t field);

const char *candidate_text(const candidates_t *c, int64_t i);

/* The key of a descriptor by its text. */
uint64_t descriptor_key(const char *text);

/* 1 - product over fields of (1 - support x weight of the field): the noisy-or of what the fields say. */
double candidate_confidence(const intent_candidate_t *c);
double field_weight(field_id_t f);

void candidates_free(candidates_t *c);

#endif
