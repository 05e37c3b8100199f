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
    strtab_t ids;        /* every id so far, indexed; none with repeated_ids */
    int64_t bad_left;    /* lines that may still be refused: they are passed over; 0: the first ends the process */
    int64_t bad;         /* lines passed over */
    bool repeated_ids;   /* set before the first items_next(): ids are neither kept nor compared, and memory stays constant */
    bool mend;           /* set before the first items_next(): lines go through json_mend() */
    bool mended;         /* that has changed the current line */
    buf_t text;          /* the current line's bytes */
    cJSON *json;         /* the current record, parsed; owned by the reader, valid until the next call */
    const char *id;
} items_t;

/* A reader over a file (NULL or "-": standard input). */
items_t items_open(const char *path);
items_t items_from(lines_t lines);   /* over lines that it takes over */

/* Next record; false at the end. Blank lines are skipped. Ends the process with "file:line: ..." (unless bad_left) for: a line that is not one
 * JSON object by the standard (data/json.h), invalid UTF-8, nesting deeper than 64, a missing, empty, repeated or
 * non-string id, an id with a tab or line break, a known key that repeats or has the wrong type (title, description, brand,
 * caption, image, image_url: string or null; categories, image_labels: array of strings or null; price: string, finite
 * number or null; intents: array of objects with a string `text`, or null; errors: array or null). sidmill-items(5) is the
 * specification. */
bool items_next(items_t *r);
void items_close(items_t *r);

/* The i-th key that the contract gives a meaning; NULL behind the last. */
const char *items_known_key(int i);

/* What type the value of that known key must have, if this JSON text has another; NULL if it is right. */
const char *items_wrong_type(const char *key, const char *json, size_t n);

/* A string value of the current record, NULL if absent, null or empty. */
const char *items_string(const items_t *r, const char *key);

/* Replaces the value of a top-level `key` by `json` (valid JSON text on one line), or appends the key at the object's end
 * where it is absent, spaced as the record's first key is; `json` NULL removes the key, with one comma and the blanks beside
 * it. Every other byte stays as it is. `text` is one line holding an object, as items_next() leaves it. Of an unknown key
 * that repeats, the last is replaced and all are removed. */
void items_splice(buf_t *text, const char *key, const char *json);

/* Appends the text of one field to `out`: strings as they are, numbers in decimal, arrays of strings joined by ", ", intents
 * (objects with `text`) joined by "; ". Returns false, adding nothing, where the field is absent or empty. */
bool items_field_text(const items_t *r, const char *field, buf_t *out);

#endif
