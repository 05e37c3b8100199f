#include "formats/source.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/array_lines.h"
#include "base/buf.h"
#include "base/charset.h"
#include "base/err.h"
#include "base/mem.h"
#include "net/unpack.h"

static byte_source_t *open_source(const source_options_t *o, char **name)
{
    *name = in_name(o->path);
    byte_source_t *s = charset_decode(unpack(in_source(o->path), name, o->member), o->encoding);
    return o->arrays ? array_lines(s) : s;
}

lines_t source_lines(const source_options_t *o)
{
    char *name;
    byte_source_t *source = open_source(o, &name);
    lines_t l = in_lines_from(source, name);
    l.max_line = SOURCE_MAX_LINE;
    in_digest(&l);
    return l;
}

bytes_t source_bytes(const source_options_t *o)
{
    char *name;
    byte_source_t *source = open_source(o, &name);
    return in_bytes_from(source, name);
}

source_lines_t source_open(const source_options_t *o, tally_t *tally)
{
    return (source_lines_t){.lines = source_lines(o), .bad_left = o->bad_lines, .encoding = o->encoding,
                            .encoding_option = o->encoding_option, .tally = tally};
}

void source_bad_lines(source_lines_t *s, long long first, long long lines, const char *why)
{
    char *line = xstrdup(why);
    for (char *c = line; *c; c++)
        if ((unsigned char)*c < 0x20) *c = ' '; /* a message is one line, whatever a cell holds */
    if (s->bad_left < lines) die_at(s->lines.name, first, "%s", line);
    s->bad_left -= lines;
    tally_add(s->tally, "malformed_lines", lines);
    free(line);
}

void source_bad_line(source_lines_t *s, const char *fmt, ...)
{
    char why[512];
    va_list args;
    va_start(args, fmt);
    vsnprintf(why, sizeof why, fmt, args);
    va_end(args);
    source_bad_lines(s, s->lines.number, 1, why);
}

char *source_no_utf8(const source_lines_t *s)
{
    if (s->encoding) return xasprintf("not valid %s, which --%s says", s->encoding, s->encoding_option);
    const lines_t *l = &s->lines;
    buf_t sample = {0}; /* with what has been read behind the line: the more text, the better the guess */
    buf_add(&sample, l->line, l->len);
    buf_add(&sample, "\n", 1);
    buf_add(&sample, l->buffer + l->at, l->end - l->at);
    char *why = charset_why(sample.data, sample.len, s->encoding_option);
    buf_free(&sample);
    return why;
}

void source_close(source_lines_t *s) { in_close(&s->lines); }
