/* What items are to be like: of every key that is named, one of its values. */
#ifndef SIDMILL_SELECT_CONDITIONS_H
#define SIDMILL_SELECT_CONDITIONS_H

#include <cjson/cJSON.h>

#include "base/buf.h"
#include "select/facets.h"
#include "select/item_set.h"

enum { CONDITIONS_MOST = 64 /* keys of a JSON filter */ };

typedef struct {
    char *key;
    char **values;
    int64_t count, cap;
} condition_t;

/* Zero-initialise: everything is allowed. */
typedef struct {
    condition_t *each;
    int64_t count, cap;
} conditions_t;

void conditions_free(conditions_t *c);

/* Adds a value: beside others of the same key either will do. */
void conditions_add(conditions_t *c, const char *key, const char *value);

/* Adds KEY=VALUE; false for what is not of that form. */
bool conditions_add_text(conditions_t *c, const char *text);

/* Adds {"KEY": value or list of values, ...}, values being strings, numbers, true or false. Returns what is wrong, NULL if nothing is. */
const char *conditions_add_json(conditions_t *c, const cJSON *filter);

/* The items that meet all of them (facets_add() says what a value is; "category" stands for "categories" as well), as a set over the
 * trie, NULL for none. Caller frees. */
item_set_t *conditions_meet(const conditions_t *c, const facets_t *f, int64_t items, const trie_t *trie);

/* Appends them in a form in which equal ones are equal bytes, those that differ in order or repetition apart. */
void conditions_write(const conditions_t *c, buf_t *out);

#endif
