/* Moments as people write them. */
#ifndef SIDMILL_BASE_DATE_H
#define SIDMILL_BASE_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Seconds since 1970-01-01 UTC from "2014-07-23" or "2014/07/23" (midnight UTC), "2014-07-23T18:30", "2014-07-23T18:30:05" (or with a
 * blank for the T), "2014-07-23 06:30 PM", each with "Z", "UTC", "GMT" or an offset as "+02:00", "+0200" or "+02" behind it, with a blank
 * before or without (nothing: UTC), or a whole number of seconds ("-86400"). Fractions of a second are cut off. False if the text is
 * none of these, or no such day or time exists. */
bool date_parse(const char *text, int64_t *seconds);

/* The same from a text as strptime(3) reads it by `format`, all of it, which must give a day and a year; UTC unless %z says else; %Z takes
 * UTC, GMT and Z alone. */
bool date_parse_as(const char *format, const char *text, int64_t *seconds);

#endif
