/* What others call items, and what we call them: a pair a line with a tab between, such as LC-Rec's X.item2id. */
#ifndef SIDMILL_SID_ITEM_MAP_H
#define SIDMILL_SID_ITEM_MAP_H

#include <stdint.h>

#include "data/strtab.h"

typedef struct {
    char *name, *digest;     /* of the file */
    strtab_t column[2];
    int key;                 /* the column of the others' names, indexed */
} item_map_t;

/* Which column holds the others' names: "auto", "first", "second"; NULL-terminated. */
extern const char *const item_map_sides[];

/* Reads a map for those `keys`, indexed. "auto" takes the column where some of them stand, if none stands in the other. What is
 * no pair, a key that comes twice, keys in both columns or in neither end the process with EX_DATAERR. */
item_map_t item_map_read(const char *path, const char *side, const strtab_t *keys);

/* Our name of what others call so, not NUL-terminated, its length in *n; NULL where the map has none. */
const char *item_map_find(const item_map_t *m, const char *key, size_t len, size_t *n);

void item_map_free(item_map_t *m);

#endif
