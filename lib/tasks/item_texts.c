#include "tasks/item_texts.h"

#include <stdlib.h>

#include "base/mem.h"
#include "base/minmax.h"

item_texts_t item_texts_new(int64_t items, int64_t most)
{
    item_texts_t t = {.items = items, .most = most};
    for (int k = 0; k < TEXTS; k++) {
        t.first[k] = NEW_ARRAY(int64_t, items);
        t.length[k] = NEW_ARRAY(int32_t, items);
    }
    return t;
}

void item_texts_free(item_texts_t *t)
{
    for (int k = 0; k < TEXTS; k++) {
        free(t->first[k]);
        free(t->length[k]);
        free(t->token[k]);
    }
    *t = (item_texts_t){0};
}

void item_texts_set(item_texts_t *t, text_t k, int64_t item, const int32_t *tokens, int64_t n)
{
    n = min64(n, item_texts_most(k, t->most));
    t->first[k][item] = t->count[k];
    t->length[k][item] = (int32_t)n;
    for (int64_t i = 0; i < n; i++) {
        GROW(t->token[k], t->count[k], t->cap[k]);
        t->token[k][t->count[k]++] = tokens[i];
    }
}

void item_texts_drop(item_texts_t *t, int64_t item)
{
    for (int k = 0; k < TEXTS; k++) t->length[k][item] = 0;
}
