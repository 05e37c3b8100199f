/* items.jsonl: one JSON object a line. Evidence tools are filters over it: they read known keys, splice their own key in,
 * and leave every other byte of the line as it was. */
#ifndef SIDMILL_DATA_ITEMS_H
#define SIDMILL_DATA_ITEMS_H

#include <cjson/cJSON.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/in.h"
#include "data/strtab.h"

typedef struct {
    lines_t lines;
    strtab_t ids;        /* every id so far, indexed */
    buf_t text;          /* the current line's bytes */
    cJSON *json;         /* the current record, parsed; owned by the reader, valid until the next call */
    const char *id;
} items_t;

/* A reader over a file (NULL or "-": standard input). */
items_t items_open(const char *path);

/* Next record; false at the end. Blank lines are skipped. Ends the process with "file:line: ..." for: a line that is not one
 * JSON object, invalid UTF-8, nesting deeper than 64, a missing, empty, repeated or non-string id, an id with a tab or
 * newline, a known key of the wrong type (title, description, brand, caption, image, image_url: string or null; categories,
 * image_labels: array of strings or null; price: string, number or null; intents, errors: array or null). */
bool items_next(items_t *r);
void items_close(items_t *r);

/* A string value of the current record, NULL if absent, null or empty. */
const char *items_string(const items_t *r, const char *key);

/* Replaces the value of a top-level `key` by `json` (valid JSON text), or appends the key at the object's end where it is
 * absent; `json` NULL removes the key. Other bytes stay as they are. `text` is one line holding an object. */
void items_splice(buf_t *text, const char *key, const char *json);

/* Appends the text of one field to `out`: strings as they are, arrays of strings joined by ", ", intents (objects with
 * `text`) joined by "; ". Returns false, adding nothing, where the field is absent or empty. */
bool items_field_text(const items_t *r, const char *field, buf_t *out);

#endif
