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

bool decimal_parse(const char *s, size_t n, double *value)
{
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
        return "expected a number or a date as 2014-07-23 or 2014-07-23T18:30:00Z";
    }
    if (*seconds > latest || *seconds < -latest) return "lies beyond the year 9999: is the unit of time another one?";
    return NULL;
}

const char *order_parse(const char *s, size_t n, int64_t *position)
{
    return integer_parse(s, n, position) ? NULL : "is no order, expected a whole number of 64 bits";
}
