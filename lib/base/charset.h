/* Text in other encodings than UTF-8: read as UTF-8, and recognised. */
#ifndef SIDMILL_BASE_CHARSET_H
#define SIDMILL_BASE_CHARSET_H

#include <stdbool.h>
#include <stddef.h>

#include "base/in.h"

/* True if charset_decode() knows the encoding: a name of iconv(1)'s, whose case, '-' and '_' do not count. */
bool charset_known(const char *name);

/* The source's bytes as UTF-8; takes it over. A byte order mark of UTF-8, UTF-16 or UTF-32 says what they are, else `name` does;
 * where neither is there (`name` NULL), they are left as they are. What cannot be decoded becomes the byte 0xff, which utf8_valid()
 * refuses. */
byte_source_t *charset_decode(byte_source_t *source, const char *name);

/* The encoding that bytes which are no UTF-8 look like, by a name that charset_decode() takes; NULL where nothing speaks for one,
 * or where most of them are UTF-8. */
const char *charset_guess(const char *s, size_t n);

/* What is wrong with bytes that are no UTF-8, for a message: with the encoding that they look like. `option`: what reads
 * them in another one, as "encoding"; NULL: nothing does. Caller frees. */
char *charset_why(const char *s, size_t n, const char *option);

#endif
