/* What the readers of all formats share: how they are opened, and what happens to lines that cannot be read. */
#ifndef SIDMILL_FORMATS_SOURCE_H
#define SIDMILL_FORMATS_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/in.h"
#include "formats/tally.h"

typedef struct {
    const char *path;     /* NULL or "-": standard input. May be packed, see net/unpack.h */
    const char *member;   /* of a package of several files; NULL: it holds one */
    int64_t bad_lines;    /* so many lines may be malformed; they are left out and counted */
    bool rating;          /* the source of events must give ratings */
    const char *encoding; /* that charset_decode() knows; NULL: UTF-8 */
    const char *encoding_option; /* that says so, for messages */
    bool arrays;          /* the elements of a file that is one JSON array are lines */
    bool mend;            /* what is no UTF-8 becomes blanks, but in ids, times and numbers */
    /* Of readers of tables and plain JSON (formats/tables.h); zero: the format's defaults. */
    const char *columns;          /* ROLE=NAME,... (formats/columns.h) */
    const char *delimiter;        /* between cells */
    const char *quote;            /* of table_quotes */
    const char *list_separator;   /* within a cell that holds a list */
    const char *time_format;      /* as strptime(3) has it; NULL: numbers and ISO dates */
    int64_t ticks;                /* a second, where times are numbers */
} source_options_t;

/* A file read line by line. */
typedef struct {
    lines_t lines;
    int64_t bad_left;     /* malformed lines that may still come */
    const char *encoding, *encoding_option; /* as opened */
    tally_t *tally;
} source_lines_t;

/* The longest line that is read, in bytes. */
enum { SOURCE_MAX_LINE = 64 << 20 };

/* The lines of a file, unpacked, in UTF-8, digested and of bounded length. */
lines_t source_lines(const source_options_t *o);

/* A file as a whole, likewise unpacked and in UTF-8. */
bytes_t source_bytes(const source_options_t *o);

/* The same with a count of the malformed ones among them; `tally` is borrowed. */
source_lines_t source_open(const source_options_t *o, tally_t *tally);

/* For a line that cannot be read: counts it as "malformed_lines" and returns, or ends the process with "file:line: ..." where
 * more are malformed than may be. */
void source_bad_line(source_lines_t *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* The same for `lines` lines from the one called `first` on, that are one row. */
void source_bad_lines(source_lines_t *s, long long first, long long lines, const char *why);

/* What is wrong with the current line, which is no UTF-8. Caller frees. */
char *source_no_utf8(const source_lines_t *s);

void source_close(source_lines_t *s);

#endif
