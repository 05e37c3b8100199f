#include "formats/source.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/err.h"
#include "net/unpack.h"

lines_t source_lines(const source_options_t *o)
{
    lines_t l = in_lines_unpacked(o->path, o->member);
    l.max_line = SOURCE_MAX_LINE;
    in_digest(&l);
    return l;
}

source_lines_t source_open(const source_options_t *o, tally_t *tally)
{
    return (source_lines_t){.lines = source_lines(o), .bad_left = o->bad_lines, .tally = tally};
}

void source_bad_line(source_lines_t *s, const char *fmt, ...)
{
    char why[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    for (char *c = why; *c; c++)
        if ((unsigned char)*c < 0x20) *c = ' '; /* a message is one line, whatever a cell holds */
    if (s->bad_left == 0) die_at(s->lines.name, s->lines.number, "%s", why);
    s->bad_left--;
    tally_add(s->tally, "malformed_lines", 1);
}

void source_close(source_lines_t *s) { in_close(&s->lines); }
