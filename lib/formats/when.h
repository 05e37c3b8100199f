/* Times as data sets write them. */
#ifndef SIDMILL_FORMATS_WHEN_H
#define SIDMILL_FORMATS_WHEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Seconds since 1970-01-01 UTC from a number in units of 1/`ticks` seconds, whole ("1406073600000") or not ("1.4e9"; rounded
 * down), or from a date or time that date_parse() takes. NULL, or what is wrong. Times beyond the year 9999 are. */
const char *when_parse(const char *s, size_t n, int64_t ticks, int64_t *seconds);

/* The same for times that strptime(3) reads by `format` where that is not NULL. */
const char *when_parse_as(const char *format, const char *s, size_t n, int64_t ticks, int64_t *seconds);

/* A position in a user's history, any whole number of 64 bits: NULL, or what is wrong. */
const char *order_parse(const char *s, size_t n, int64_t *position);

/* A whole number of 64 bits in decimal, with a sign or without; false if the text is anything else. */
bool integer_parse(const char *s, size_t n, int64_t *value);

/* A finite number in decimal; false if the text is anything else. */
bool decimal_parse(const char *s, size_t n, double *value);

#endif
