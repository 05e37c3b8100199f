/* JSON of others, in and out again. */
#ifndef SIDMILL_REPORT_JSON_FILE_H
#define SIDMILL_REPORT_JSON_FILE_H

#include <cjson/cJSON.h>
#include <stdint.h>

#include "base/buf.h"

/* Reads a file that holds one JSON object. Anything else ends the process with EX_DATAERR and what was `expected`. Freed with
 * cJSON_Delete(). */
cJSON *json_file_read(const char *path, const char *expected);

/* The object in n bytes of a line of `name`; anything else ends the process with EX_DATAERR. */
cJSON *json_file_line(const char *name, long long line, const char *text, size_t n);

/* Appends a value, NULL being null, numbers as the shortest text that reads back as the same; the members of an object, each after a
 * comma, without those of the NULL-terminated names; a string, with blanks for what is no UTF-8; n whole numbers as an array. */
void json_add(buf_t *out, const cJSON *value);
void json_add_members(buf_t *out, const cJSON *object, const char *const *without);
void json_add_text(buf_t *out, const char *s);
void json_add_whole(buf_t *out, const int64_t *value, int64_t n);

#endif
