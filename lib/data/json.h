/* Strict JSON (RFC 8259) over plain text, without building values: whether a text is JSON, and where the members of an
 * object lie. cJSON, which builds values, accepts more than the standard and forgets offsets. */
#ifndef SIDMILL_DATA_JSON_H
#define SIDMILL_DATA_JSON_H

#include <stdbool.h>
#include <stddef.h>

enum { JSON_MAX_DEPTH = 64, JSON_MAX_NUMBER = 63 /* characters; what cJSON reads */ };

typedef struct {
    const char *why;  /* what was expected, for a message */
    size_t at;        /* offset of the offending byte */
} json_error_t;

/* True if the `n` bytes are exactly one JSON value with nothing but blanks around it. Also refused, because C strings and
 * cJSON cannot hold them: \u0000, unpaired surrogates, nesting deeper than JSON_MAX_DEPTH, longer numbers than
 * JSON_MAX_NUMBER. The bytes of strings are not checked for UTF-8; see utf8_valid(). */
bool json_check(const char *text, size_t n, json_error_t *error);

/* A member of an object: spans of the text. The key's span includes its quotes. */
typedef struct {
    const char *key, *key_end, *value, *value_end;
} json_member_t;

/* Steps through the members of the one object that `text` holds, in order: start with a zeroed `m`; false after the last.
 * The text must have passed json_check(). */
bool json_next_member(const char *text, size_t n, json_member_t *m);

/* An element of an array: a span of the text. */
typedef struct {
    const char *value, *value_end;
} json_element_t;

/* The same for the elements of the one array that `text` holds. */
bool json_next_element(const char *text, size_t n, json_element_t *e);

/* True if the member's key, its escapes undone, is `name`. */
bool json_member_is(const json_member_t *m, const char *name);

#endif
