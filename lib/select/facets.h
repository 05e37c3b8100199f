/* What items say of themselves, key by key: which of them have which value. */
#ifndef SIDMILL_SELECT_FACETS_H
#define SIDMILL_SELECT_FACETS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum { FACET_VALUE_MAX = 255 /* bytes: a longer value is prose, which nobody asks for by its words */ };

typedef struct facets facets_t;

facets_t *facets_new(void);
void facets_free(facets_t *f);

/* What a value counts as: a string as it stands, a number in its shortest decimal form, true and false by those words; NULL for anything
 * else. It lives in `value` or in `text`. */
const char *facet_value(const cJSON *value, buf_t *text);

/* Takes every key of an item's record but its id; a list, however nested, counts by each of its elements, and an object in a list by its member "text". */
void facets_add(facets_t *f, int32_t item, const cJSON *record);

/* Calls fn for the items that have a value, maybe more than once for an item. */
void facets_each(const facets_t *f, const char *key, const char *value, void (*fn)(void *ctx, int32_t item), void *ctx);

#endif
