/* A record's line of sidmill-items(5), put together key by key. */
#ifndef SIDMILL_FORMATS_RECORD_LINE_H
#define SIDMILL_FORMATS_RECORD_LINE_H

#include <stdbool.h>

#include "base/buf.h"
#include "formats/tally.h"

/* Begins the line, which is emptied, with the key `id`. */
void record_line_start(buf_t *line, const char *id, size_t n);

void record_line_key(buf_t *line, const char *key, size_t n);            /* what is appended next is its value, as JSON */
void record_line_string(buf_t *line, const char *key, const char *s, size_t n); /* the key and a string of `n` bytes */

/* An array of the parts of `s` between separators, blanks around them and empty ones dropped; no key where none is left. */
void record_line_list(buf_t *line, const char *key, const char *s, size_t n, const char *separator);

/* `image` and `image_url`, each where there is one. A web address as `image` is the `image_url` where there is none, and else
 * left out and counted as "addresses_left_out"; then *image is empty. */
void record_line_pictures(buf_t *line, buf_t *image, const buf_t *url, tally_t *tally);

void record_line_end(buf_t *line); /* closes the object; no newline */

/* True if sidmill-items(5) gives the key a meaning. */
bool record_line_known(const char *key, size_t n);

#endif
