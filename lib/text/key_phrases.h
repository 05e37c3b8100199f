/* Key-phrases of groups of items, by class-based TF-IDF (Grootendorst 2022, BERTopic). */
#ifndef SIDMILL_TEXT_KEY_PHRASES_H
#define SIDMILL_TEXT_KEY_PHRASES_H

#include "data/strtab.h"
#include "text/phrases.h"

/* The phrases of the items of a catalogue. */
typedef struct key_phrases key_phrases_t;

key_phrases_t *key_phrases_new(void);

/* The next item: its words, and pairs of words that follow each other, but for words without meaning of their own, numbers,
 * units and single letters; and pairs without a blank between them, which may be parts of two longer words. */
void key_phrases_add(key_phrases_t *k, const phrase_words_t *w);

/* Of each of `classes` classes the `most` best phrases that two of its items have, best first: class c has rows offset[c] to
 * offset[c + 1]. class_of [items], -1: none. Left out: what mostly begins titles (a brand), what more than
 * a tenth of the items have, and bare colours and materials. `offset`
 * [classes + 1] is the caller's; phrase, share and text are made here. */
void key_phrases_choose(key_phrases_t *k, const int32_t *class_of, int64_t classes, int most, int64_t *offset,
                        int64_t **phrase, float **share, strtab_t *text);
void key_phrases_free(key_phrases_t *k);

/* Calls found() for every phrase of the words, by its words_key() and first word. */
void key_phrases_of(const phrase_words_t *w, void (*found)(void *ctx, uint64_t key, int64_t first, int words), void *ctx);

#endif
