/* A record's line of sidmill-items(5), put together key by key. */
#ifndef SIDMILL_DATA_RECORD_LINE_H
#define SIDMILL_DATA_RECORD_LINE_H

#include <stdbool.h>

#include "base/buf.h"

void record_line_start(buf_t *line, const char *id, size_t n);
void record_line_key(buf_t *line, const char *key, size_t n);            /* what follows is its value */
void record_line_string(buf_t *line, const char *key, const char *s, size_t n);

/* An array of the parts of `s` between separators, blanks around them and empty ones dropped; no key where none is left. */
void record_line_list(buf_t *line, const char *key, const char *s, size_t n, const char *separator);
void record_line_end(buf_t *line);

/* True if sidmill-items(5) gives the key a meaning. */
bool record_line_known(const char *key, size_t n);

#endif
