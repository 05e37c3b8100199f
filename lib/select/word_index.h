/* Which items have which words, in their ids and titles, as text/tokens.h takes them apart. */
#ifndef SIDMILL_SELECT_WORD_INDEX_H
#define SIDMILL_SELECT_WORD_INDEX_H

#include <stddef.h>

#include "data/strtab.h"
#include "select/item_set.h"

enum { SEARCH_WORDS_MOST = 32 };

typedef struct word_index word_index_t;

/* Takes the words of ids and of titles [ids], maybe NULL, there or for all; UTF-8. Nothing is borrowed. */
word_index_t *word_index_new(const strtab_t *ids, char *const *titles);
void word_index_free(word_index_t *x);

/* The items that have, for every word of a text of n bytes of UTF-8, some word that begins so; none where it has no word. Caller frees.
 * NULL if it has more than SEARCH_WORDS_MOST. Takes time by the items that have any of the words. */
item_set_t *word_index_find(const word_index_t *x, const char *text, size_t n);

#endif
