/* The words of an item's evidence, and the phrases among them that may tell what the item is for. */
#ifndef SIDMILL_TEXT_PHRASES_H
#define SIDMILL_TEXT_PHRASES_H

#include <stdint.h>

#include "text/item_text.h"
#include "text/segments.h"
#include "text/tokens.h"

/* Of one field, so many words are looked at. */
enum { FIELD_WORDS = 4000, PHRASE_WORDS = 6 };

typedef struct {
    int64_t start;   /* into phrase_words_t.bytes: the folded word, NUL-terminated */
    uint64_t stem;   /* of the word without its plural ending: see stem_of() */
    int32_t place;   /* in its field, from 0 */
    uint8_t field;
    bool follows;    /* stands in one phrase with the word before it */
    bool joined;     /* directly behind it, as words of Chinese do */
    bool has_digit;
    bool stop;       /* a word that carries no meaning alone */
} phrase_word_t;

/* Zero-initialise, reuse for many items, free at the end. */
typedef struct {
    tokens_t tokens;
    segmenter_t *segmenter;
    buf_t bytes;
    phrase_word_t *words; /* [count] field by field */
    int64_t count, cap;
} phrase_words_t;

/* Takes the evidence apart (text/tokens.h, text/segments.h), replacing what `w` held. Left out: the "s" of a possessive, what is left of
 * HTML entities, and sentences about pixels; a caption's list of labels counts as FIELD_LABELS (text/caption_text.h). */
void words_of_evidence(phrase_words_t *w, const evidence_t *e);

/* The same for one text, as field `field`, appended to what `w` holds. */
void words_add(phrase_words_t *w, const char *text, size_t n, field_id_t field);
void words_clear(phrase_words_t *w);
void words_free(phrase_words_t *w);

const char *word_text(const phrase_words_t *w, int64_t i);

/* A hash of the folded word, its English plural ending undone: "brushes" and "brush", "babies" and "baby" are one. */
uint64_t stem_of(const char *word);

/* Appends words [first, first + n) with single spaces between them, but where they are joined. */
void words_join(const phrase_words_t *w, int64_t first, int n, buf_t *out);

/* A hash of the stems of words [first, first + n). */
uint64_t words_key(const phrase_words_t *w, int64_t first, int n);

/* True if most words are of other scripts than Latin, of whose languages the lexicons and word classes here know nothing. */
bool words_are_foreign(const phrase_words_t *w);

/* Word classes: articles, pronouns, prepositions, conjunctions, auxiliary verbs; units and packaging; -ing forms. */
bool word_is_stop(const char *word);
bool word_is_unit(const char *word);
bool word_is_preposition(const char *word);
bool word_is_gerund(const char *word);

/* A purpose named by the text: "for ...", "while ...-ing", "gift for ...". Not "known for", "look for" and the like. */
typedef enum { CUE_FOR, CUE_IDEAL_FOR, CUE_GIFT_FOR, CUE_WHILE } phrase_cue_t; /* "ideal for", "buy it for": plain cues */

typedef struct {
    int64_t first; /* word */
    int words;     /* at most, up to the end of the phrase; 1 to PHRASE_WORDS */
    int base;      /* of them, up to the first word that ends a noun phrase, or the clause of an -ing form; 1 to words */
    phrase_cue_t cue;
} phrase_purpose_t;

/* Finds the purpose that a cue at word `i` begins; false where there is none: no cue, or no words of meaning after it. */
bool purpose_at(const phrase_words_t *w, int64_t i, phrase_purpose_t *p);

/* True if the purpose can be cut after `n` words: they end in a word of meaning. */
bool purpose_can_end(const phrase_words_t *w, const phrase_purpose_t *p, int n);

#endif
