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
    /* Of readers of tables and plain JSON (formats/tables.h); zero: the format's defaults. */
    const char *columns;          /* ROLE=NAME,... (formats/columns.h) */
    char delimiter;               /* between cells */
    const char *list_separator;   /* within a cell that holds a list */
    int64_t ticks;                /* a second, where times are numbers */
} source_options_t;

/* A file read line by line. */
typedef struct {
    lines_t lines;
    int64_t bad_left;     /* malformed lines that may still come */
    tally_t *tally;
} source_lines_t;

/* The longest line that is read, in bytes. */
enum { SOURCE_MAX_LINE = 64 << 20 };

/* The lines of a file, unpacked, digested and of bounded length. */
lines_t source_lines(const source_options_t *o);

/* The same with a count of the malformed ones among them; `tally` is borrowed. */
source_lines_t source_open(const source_options_t *o, tally_t *tally);

/* For a line that cannot be read: counts it as "malformed_lines" and returns, or ends the process with "file:line: ..." where
 * more are malformed than may be. */
void source_bad_line(source_lines_t *s, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void source_close(source_lines_t *s);

#endif
