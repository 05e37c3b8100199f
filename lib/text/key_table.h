/* A hash table from 64-bit keys, well mixed already, to 64-bit values. */
#ifndef SIDMILL_TEXT_KEY_TABLE_H
#define SIDMILL_TEXT_KEY_TABLE_H

#include <stdint.h>

/* Open addressing. Zero-initialise. */
typedef struct {
    uint64_t *key;
    int64_t *value; /* 0: the slot is free, or was made and not yet set */
    int64_t slots, count;
} key_table_t;

/* The value of `key`, 0 and made where it was not there; valid until the next call. A value must be set to other than 0
 * before that. */
int64_t *key_table_slot(key_table_t *t, uint64_t key);
int64_t key_table_get(const key_table_t *t, uint64_t key); /* 0 where it is not there */
void key_table_free(key_table_t *t);

#endif
