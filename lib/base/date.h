/* Moments as people write them. */
#ifndef SIDMILL_BASE_DATE_H
#define SIDMILL_BASE_DATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Seconds since 1970-01-01 UTC from "2014-07-23" (midnight UTC), "2014-07-23T18:30", "2014-07-23T18:30:05" (or with a blank for
 * the T), either with "Z" or an offset as "+02:00" (without: UTC), or a whole number of seconds ("-86400"). Fractions of a second are cut
 * off. False if the text is none of these, or no such day or time exists. */
bool date_parse(const char *text, int64_t *seconds);

#endif
