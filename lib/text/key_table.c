#include "text/key_table.h"

#include <stdlib.h>

#include "base/mem.h"

static int64_t place(const key_table_t *t, uint64_t key)
{
    uint64_t mask = (uint64_t)t->slots - 1, at = key & mask;
    while (t->value[at] && t->key[at] != key) at = (at + 1) & mask;
    return (int64_t)at;
}

static void grow(key_table_t *t)
{
    key_table_t old = *t;
    t->slots = old.slots ? 2 * old.slots : 1024;
    t->key = NEW_ARRAY(uint64_t, t->slots);
    t->value = NEW_ARRAY(int64_t, t->slots);
    for (int64_t i = 0; i < old.slots; i++) {
        if (!old.value[i]) continue;
        int64_t at = place(t, old.key[i]);
        t->key[at] = old.key[i];
        t->value[at] = old.value[i];
    }
    free(old.key);
    free(old.value);
}

int64_t *key_table_slot(key_table_t *t, uint64_t key)
{
    if (2 * t->count >= t->slots) grow(t);
    int64_t at = place(t, key);
    if (!t->value[at]) {
        t->key[at] = key;
        t->count++;
    }
    return &t->value[at];
}

int64_t key_table_get(const key_table_t *t, uint64_t key)
{
    return t->slots ? t->value[place(t, key)] : 0;
}

void key_table_free(key_table_t *t)
{
    free(t->key);
    free(t->value);
    *t = (key_table_t){0};
}
