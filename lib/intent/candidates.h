/* Candidate descriptors of one item: what the rules find in its evidence, and how well each is supported. */
#ifndef SIDMILL_INTENT_CANDIDATES_H
#define SIDMILL_INTENT_CANDIDATES_H

#include "intent/lexicon.h"

/* How many items of the catalogue have a descriptor or a phrase; -1 where that is not known (then phrases are not cut). */
typedef int64_t (*frequency_fn)(const void *ctx, uint64_t key);

typedef struct {
    int64_t text;            /* into candidates_t.bytes, NUL-terminated */
    uint64_t key;            /* of its text: see descriptor_key() */
    rule_t rule;             /* the one that supports it best */
    double support[FIELDS];  /* strength of the best rule that found it in a field; 0: none */
} candidate_t;

/* Zero-initialise, reuse for many items, free at the end. */
typedef struct {
    words_t words;           /* of the evidence */
    domain_t domain;
    buf_t bytes;
    candidate_t *list;
    int64_t count, cap;
} candidates_t;

/* The rules' strengths: how surely one finding of a rule names a purpose. Purposes are the stronger the plainer their cue:
 * "ideal for", "gift for" 0.9, "for" in a title 0.8, "while" 0.7, "for" elsewhere 0.4. */
double rule_strength(rule_t r);

/* Finds the candidates of an item, in the order in which they stand in the evidence; those of equal text are one. Purposes
 * are cut to the longest beginning that at least three items of the catalogue have, else to their noun phrase. */
void candidates_find(candidates_t *c, const evidence_t *e, frequency_fn frequency, const void *ctx);

/* Adds one more, or more support for one that is there. */
void candidates_add(candidates_t *c, const char *text, rule_t rule, double strength, field_id_t field);

const char *candidate_text(const candidates_t *c, int64_t i);

/* Calls count() with the key of everything whose frequency candidates_find() or a ranking may ask for; keys may repeat. The
 * item's candidates must have been found, without frequencies. */
void candidates_keys(const candidates_t *c, void (*count)(void *ctx, uint64_t key), void *ctx);

/* The key of a descriptor by its text. */
uint64_t descriptor_key(const char *text);

/* 1 - product over fields of (1 - support x weight of the field): the noisy-or of what the fields say. */
double candidate_confidence(const candidate_t *c);
double field_weight(field_id_t f);

void candidates_free(candidates_t *c);

#endif
