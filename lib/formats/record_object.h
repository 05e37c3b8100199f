/* A record's line of sidmill-items(5) from a JSON object with other keys. */
#ifndef SIDMILL_FORMATS_RECORD_OBJECT_H
#define SIDMILL_FORMATS_RECORD_OBJECT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "formats/columns.h"
#include "formats/record_source.h"

typedef struct record_object record_object_t;

/* Takes `columns` over: of the record_roles. Lists in strings are cut at `list_separator`, which is borrowed, as is `tally`,
 * which counts "texts_joined", "numbers_as_texts" and "keys_left_out". */
record_object_t *record_object_new(columns_t columns, const char *list_separator, tally_t *tally);

/* The record of the object, whose text has passed json_check() and utf8_valid(); borrowed until the next call. The id is
 * the key's string or whole number, or `id` where that is not NULL. Strings, numbers and lists are taken for each other where
 * it can be: a number for a text, an array of strings for a text (joined by blanks; of pictures the first), a string for a
 * list; pictures go by record_line_pictures(). Of keys that fit a role equally well the first has it. Keys without a role are
 * kept with their bytes, but for those that would mean something else. False, with the reason in *why, for an object that is
 * no record, and for one with a key twice, as far as 256 different keys are remembered. `before` is the object's text before
 * json_mend(), NULL where nothing was mended: an id does not come of that. */
bool record_object_read(record_object_t *o, const char *object, size_t n, const char *before, const char *id, record_t *r, const char **why);

/* Says which keys were left out, if any were. */
void record_object_note(const record_object_t *o, const char *file);

void record_object_free(record_object_t *o);

/* The text of an id: a string or a whole number; false for any other value, or if it cannot be an id. */
bool json_id(const char *value, const char *value_end, buf_t *id);

/* What is wrong with a value that json_id() refuses. */
extern const char json_no_id[];

#endif
