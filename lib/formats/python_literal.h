/* Python literals, as repr() prints them: the form in which Amazon's metadata of 2014 is published. */
#ifndef SIDMILL_FORMATS_PYTHON_LITERAL_H
#define SIDMILL_FORMATS_PYTHON_LITERAL_H

#include "data/json.h"

/* Appends to `out`, as JSON, the one literal that the `n` bytes hold with nothing but blanks around it; false, with `out`
 * as far as it came, if they hold something else. Taken is what Python 3's ast.literal_eval() takes of: dictionaries with
 * strings, numbers, True, False and None as keys; lists; tuples, which become arrays; strings with any quotes, u and r
 * prefixes, escapes and neighbours to be joined; integers; floating-point numbers; True, False, None.
 *
 * Refused, although Python takes them: bytes, sets, tuples without parentheses, complex and infinite numbers, hexadecimal,
 * octal and binary integers of more than 64 bits, \N{...}, comments, nesting deeper than JSON_MAX_DEPTH. Bytes of strings
 * beyond ASCII are not checked for UTF-8. A surrogate's escape becomes the same escape in JSON: json_unescape() joins pairs,
 * as Python 2 wrote characters beyond U+FFFF, and gives U+FFFD for those that are alone. */
bool python_literal_to_json(const char *text, size_t n, buf_t *out, json_error_t *error);

#endif
