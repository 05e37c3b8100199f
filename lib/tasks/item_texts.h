/* The texts of a catalogue's items as a tokenizer's tokens: title, description with intents, caption. */
#ifndef SIDMILL_TASKS_ITEM_TEXTS_H
#define SIDMILL_TASKS_ITEM_TEXTS_H

#include <stdint.h>

#include "gen/task.h"

/* Text k of item i is token[k][first[k][i] ..], length[k][i] of them; 0 where the item lacks it. */
typedef struct {
    int64_t items, most; /* tokens of a text */
    int64_t *first[TEXTS], count[TEXTS], cap[TEXTS];
    int32_t *length[TEXTS], *token[TEXTS];
} item_texts_t;

/* Of so many items, all without texts. */
item_texts_t item_texts_new(int64_t items, int64_t most);
void item_texts_free(item_texts_t *t);

/* Tokens of text k that count where texts have `most` at most: of a title TITLE_MOST, if that is fewer. */
static inline int64_t item_texts_most(text_t k, int64_t most) { return k == TEXT_TITLE && most > TITLE_MOST ? TITLE_MOST : most; }

/* Sets text k of an item, once, to a copy of n tokens, or of the first that count. */
void item_texts_set(item_texts_t *t, text_t k, int64_t item, const int32_t *tokens, int64_t n);

/* Takes an item's texts away. */
void item_texts_drop(item_texts_t *t, int64_t item);

static inline const int32_t *item_texts_get(const item_texts_t *t, text_t k, int64_t item, int64_t *n)
{
    *n = t->length[k][item];
    return t->token[k] + t->first[k][item];
}

static inline bool item_texts_has(const item_texts_t *t, text_t k, int64_t item) { return t->length[k][item] > 0; }

#endif
