#include "formats/when.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/date.h"

enum { LONGEST = 64 };
static const int64_t latest = 253402300799;   /* the end of the year 9999 */

static bool copy(const char *s, size_t n, char text[LONGEST])
{
    if (!n || n >= LONGEST) return false;
    memcpy(text, s, n);
    text[n] = '\0';
    return strlen(text) == n;
}

/* Reads what most decimals are: few digits, whose number and whose power of ten are exact, so that one division rounds as strtod()
 * does, some times faster. False for all others, which may be decimals too. */
static bool plain_decimal(const char *s, size_t n, double *value)
{
    static const double power[] = {1, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15};
    enum { MOST_DIGITS = 15 };
    const bool negative = n && *s == '-';
    int64_t whole = 0;
    int digits = 0, point = -1;
    for (size_t i = negative; i < n; i++) {
        const int digit = s[i] - '0';
        if (s[i] == '.' && point < 0) point = digits;
        else if (digit < 0 || digit > 9 || digits++ == MOST_DIGITS) return false;
        else whole = whole * 10 + digit;
    }
    const double v = (double)whole / power[point < 0 ? 0 : digits - point];
    *value = negative ? -v : v;
    return digits > 0;
}

bool decimal_parse(const char *s, size_t n, double *value)
{
    if (plain_decimal(s, n, value)) return true;
    char text[LONGEST], *end;
    if (!copy(s, n, text) || strspn(text, "+-.0123456789eE") != n) return false;
    *value = strtod(text, &end);
    return end > text && !*end && isfinite(*value);
}

bool integer_parse(const char *s, size_t n, int64_t *value)
{
    bool negative = n && *s == '-';
    size_t i = n && (*s == '-' || *s == '+');
    int64_t v = 0;
    if (i == n) return false;
    for (; i < n; i++) {
        int digit = s[i] - '0';
        if (digit < 0 || digit > 9 || __builtin_mul_overflow(v, 10, &v)) return false;
        if (__builtin_add_overflow(v, negative ? -digit : digit, &v)) return false;
    }
    *value = v;
    return true;
}

const char *when_parse(const char *s, size_t n, int64_t ticks, int64_t *seconds)
{
    double real;
    char text[LONGEST];
    if (integer_parse(s, n, seconds)) {
        int64_t rest = *seconds % ticks;
        *seconds = *seconds / ticks - (rest < 0);
    } else if (decimal_parse(s, n, &real)) {
        real = floor(real / (double)ticks);
        *seconds = real > (double)latest ? latest + 1 : real < (double)-latest ? -latest - 1 : (int64_t)real;
    } else if (!copy(s, n, text) || !date_parse(text, seconds)) {
        return "expected a number or a date as 2014-07-23 or 2014-07-23T18:30:00Z; --time-format reads others";
    }
    if (*seconds > latest || *seconds < -latest) return "lies beyond the year 9999: is the unit of time another one?";
    return NULL;
}

const char *when_parse_as(const char *format, const char *s, size_t n, int64_t ticks, int64_t *seconds)
{
    char text[LONGEST];
    if (!format) return when_parse(s, n, ticks, seconds);
    if (!copy(s, n, text) || !date_parse_as(format, text, seconds)) return strstr(format, "%Z") ? "does not fit --time-format, whose %Z reads UTC, GMT and Z alone" : "does not fit --time-format";
    return *seconds > latest || *seconds < -latest ? "lies beyond the year 9999" : NULL;
}

const char *order_parse(const char *s, size_t n, int64_t *position)
{
    return integer_parse(s, n, position) ? NULL : "is no order, expected a whole number of 64 bits";
}
