#include "text/one_line.h"

#include <stdbool.h>
#include <string.h>
#include <utf8proc.h>

static bool is_blank(utf8proc_int32_t c)
{
    switch (utf8proc_category(c)) {
    case UTF8PROC_CATEGORY_ZS:
    case UTF8PROC_CATEGORY_ZL:
    case UTF8PROC_CATEGORY_ZP:
    case UTF8PROC_CATEGORY_CC: return true;
    default: return false;
    }
}

void one_line(char *s)
{
    char *to = s;
    for (const char *p = s; *p;) {
        utf8proc_int32_t c;
        utf8proc_ssize_t n = utf8proc_iterate((const utf8proc_uint8_t *)p, -1, &c);
        if (n < 1) n = 1; /* no UTF-8: the byte stays as it is */
        else if (is_blank(c)) {
            if (to > s && to[-1] != ' ') *to++ = ' ';
            p += n;
            continue;
        }
        memmove(to, p, (size_t)n);
        to += n;
        p += n;
    }
    if (to > s && to[-1] == ' ') to--;
    *to = '\0';
}
