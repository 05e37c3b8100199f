#include "vision/format.h"

#include <stdarg.h>
#include <stdio.h>

const char *decode_refuse(const char *fmt, ...)
{
    static _Thread_local char why[256];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(why, sizeof why, fmt, ap);
    va_end(ap);
    return why;
}

const char *decode_check_size(int64_t width, int64_t height, int64_t max_pixels)
{
    if (width < 1 || height < 1) return "the image has no pixels";
    if (width <= INT32_MAX && height <= INT32_MAX && width * height <= max_pixels) return NULL;
    return decode_refuse("the image has %lld x %lld pixels, more than %lld", (long long)width, (long long)height, (long long)max_pixels);
}

unsigned char decode_over_white(unsigned value, unsigned alpha)
{
    return (unsigned char)((value * alpha + 255 * (255 - alpha) + 127) / 255);
}
