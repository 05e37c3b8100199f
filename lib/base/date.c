#include "base/date.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

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
    if (!take_number(at, 4, &year) || !take_char(at, '-') || !take_number(at, 2, &month) || !take_char(at, '-') ||
        !take_number(at, 2, &day) || month < 1 || month > 12 || day < 1 || day > days_of(year, month))
        return false;
    *seconds = days_since_epoch(year, month, day) * 86400;
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
    if (hour > 23 || minute > 59 || second > 60) return false;
    *seconds += hour * 3600 + minute * 60 + second;
    return true;
}

static bool take_zone(const char **at, int64_t *seconds)
{
    int hour, minute, sign = **at == '-' ? -1 : 1;
    if (take_char(at, 'Z')) return true;
    if (!take_char(at, '+') && !take_char(at, '-')) return true;
    if (!take_number(at, 2, &hour)) return false;
    take_char(at, ':');
    if (!take_number(at, 2, &minute) || hour > 23 || minute > 59) return false;
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
