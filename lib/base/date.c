#include "base/date.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "base/mem.h"

/* Takes exactly `digits` digits. */
static bool take_number(const char **at, int digits, int *n)
{
    *n = 0;
    for (int i = 0; i < digits; i++) {
        char c = (*at)[i];
        if (c < '0' || c > '9') return false;
        *n = *n * 10 + (c - '0');
    }
    *at += digits;
    return true;
}

static bool take_char(const char **at, char c)
{
    if (**at != c) return false;
    ++*at;
    return true;
}

static int days_of(int year, int month)
{
    static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return days[month - 1] + (month == 2 && leap);
}

/* Counts the days from 1970-01-01 to a day of the Gregorian calendar, years 0 to 9999. */
static int64_t days_since_epoch(int year, int month, int day)
{
    int64_t y = month <= 2 ? year - 1 : year, era_day = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
    return y * 365 + (y >= 0 ? y / 4 - y / 100 + y / 400 : -1) + era_day - 719468;
}

static bool take_date(const char **at, int64_t *seconds)
{
    int year, month, day;
    if (!take_number(at, 4, &year)) return false;
    const char between = **at == '/' ? '/' : '-';
    if (!take_char(at, between) || !take_number(at, 2, &month) || !take_char(at, between) || !take_number(at, 2, &day) || month < 1 || month > 12 || day < 1 || day > days_of(year, month))
        return false;
    *seconds = days_since_epoch(year, month, day) * 86400;
    return true;
}

static bool take_word(const char **at, const char *word)
{
    const size_t n = strlen(word);
    if (strncasecmp(*at, word, n) != 0) return false;
    *at += n;
    return true;
}

/* Passes over a blank, if there is one. */
static void skip_blank(const char **at) { *at += **at == ' '; }

/* Takes AM or PM, where one of them follows: the hour, from 1 to 12, becomes one of the day's. False for another hour. */
static bool take_half_day(const char **at, int *hour)
{
    const char *behind = *at;
    skip_blank(&behind);
    const bool am = take_word(&behind, "AM"), pm = !am && take_word(&behind, "PM");
    if (!am && !pm) return true;
    if (*hour < 1 || *hour > 12) return false;
    *hour = *hour % 12 + 12 * pm;
    *at = behind;
    return true;
}

static bool take_clock(const char **at, int64_t *seconds)
{
    int hour, minute, second = 0;
    if (!take_number(at, 2, &hour) || !take_char(at, ':') || !take_number(at, 2, &minute)) return false;
    if (take_char(at, ':') && !take_number(at, 2, &second)) return false;
    if (take_char(at, '.')) {
        size_t digits = strspn(*at, "0123456789");
        if (!digits) return false;
        *at += digits;
    }
    if (!take_half_day(at, &hour) || hour > 23 || minute > 59 || second > 60) return false;
    *seconds += hour * 3600 + minute * 60 + second;
    return true;
}

static bool take_zone(const char **at, int64_t *seconds)
{
    int hour, minute = 0;
    skip_blank(at);
    const int sign = **at == '-' ? -1 : 1;
    if (take_char(at, 'Z') || take_word(at, "UTC") || take_word(at, "GMT")) return true;
    if (!take_char(at, '+') && !take_char(at, '-')) return !**at;
    if (!take_number(at, 2, &hour)) return false;
    const bool more = take_char(at, ':') || **at;
    if ((more && !take_number(at, 2, &minute)) || hour > 23 || minute > 59) return false;
    *seconds -= sign * (hour * 3600 + minute * 60);
    return true;
}

bool date_parse(const char *text, int64_t *seconds)
{
    const char *at = text;
    int64_t s;
    if (take_date(&at, &s)) {
        if ((take_char(&at, 'T') || take_char(&at, ' ')) && !(take_clock(&at, &s) && take_zone(&at, &s))) return false;
        if (*at) return false;
        *seconds = s;
        return true;
    }
    char *end;
    errno = 0;
    long long n = strtoll(text, &end, 10);
    if (end == text || *end || errno || strspn(text, "+-0123456789") != strlen(text)) return false;
    *seconds = n;
    return true;
}

/* Tells whether a word, blanks before it, is UTC by one of its names. */
static bool is_utc(const char *word)
{
    while (isspace((unsigned char)*word)) word++;
    return (take_word(&word, "UTC") || take_word(&word, "GMT") || take_char(&word, 'Z')) && (!*word || isspace((unsigned char)*word));
}

/* Tells whether what %Z reads is UTC, wherever the format has it: strptime(3) passes over any word there. */
static bool zones_are_utc(const char *format, const char *text)
{
    bool utc = true;
    const char *at = format;
    while (utc && (at = strchr(at, '%'))) {
        char *before = xstrndup(format, (size_t)(at - format));
        struct tm tm = {0};
        at += 1 + strspn(at + 1, "_-0^#");
        if (*at == 'Z') {
            const char *zone = strptime(text, before, &tm);
            utc = zone && is_utc(zone);
        }
        at += *at != '\0';
        free(before);
    }
    return utc;
}

bool date_parse_as(const char *format, const char *text, int64_t *seconds)
{
    enum { NO_YEAR = -5000 };
    struct tm tm = {.tm_year = NO_YEAR};
    const char *end = strptime(text, format, &tm);
    if (!end || *end || tm.tm_year == NO_YEAR || tm.tm_mday < 1 || tm.tm_mday > days_of(tm.tm_year + 1900, tm.tm_mon + 1)) return false;
    if (!zones_are_utc(format, text)) return false;
    const long offset = tm.tm_gmtoff;
    *seconds = timegm(&tm) - offset;
    return true;
}
