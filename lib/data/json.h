/* Strict JSON (RFC 8259) over plain text, without building values: whether a text is JSON, and where the members of an
 * object lie. cJSON, which builds values, accepts more than the standard, forgets offsets, and is some ten times slower than
 * a file of reviews needs; yajl, the other parser in C that Debian has, calls back for every value. */
#ifndef SIDMILL_DATA_JSON_H
#define SIDMILL_DATA_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum { JSON_MAX_DEPTH = 64, JSON_MAX_NUMBER = 63 /* characters; what cJSON reads */ };

typedef struct {
    const char *why;  /* what was expected, for a message */
    size_t at;        /* offset of the offending byte */
} json_error_t;

/* True if the `n` bytes are exactly one JSON value with nothing but blanks around it. Also refused, because C strings and
 * cJSON cannot hold them: \u0000, unpaired surrogates, nesting deeper than JSON_MAX_DEPTH, longer numbers than
 * JSON_MAX_NUMBER. The bytes of strings are not checked for UTF-8; see utf8_valid(). */
bool json_check(const char *text, size_t n, json_error_t *error);

/* Puts blanks in the place of what keeps a text from being JSON in UTF-8 although its structure is right: bytes that are no UTF-8,
 * and in strings control characters, and the escapes of U+0000 and of unpaired surrogates. False where there is none. */
bool json_mend(char *text, size_t n);

/* True if json_mend(), which made `text` of `before`, changed nothing from `from` to `to` in the text. */
bool json_unmended(const char *before, const char *text, const char *from, const char *to);

/* A member that json_pick() looks for; where it is not there, `value` is NULL. Spans of the text. */
typedef struct {
    const char *name;   /* NULL: none */
    const char *value, *value_end;
} json_want_t;

/* One pass over exactly one object with nothing but blanks around it: whether it is JSON, and where the values of the wanted
 * members of the outermost object lie; of a member that repeats, the last. Takes what json_check() takes and, because no
 * C string is made of it, all else that the standard allows but deeper nesting: \u0000, unpaired surrogates, numbers of any
 * length. */
bool json_pick(const char *text, size_t n, json_want_t *want, int wanted, json_error_t *error);

/* Appends the text of a string, given with its quotes, its escapes undone; U+FFFD stands for \u0000 and unpaired surrogates.
 * The string must have passed json_check() or json_pick(). */
void json_unescape(const char *value, const char *value_end, buf_t *out);

/* The same, but \u0000 becomes a NUL. */
void json_unescape_nul(const char *value, const char *value_end, buf_t *out);

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
