/* Tables as text: rows of cells under a header of names. */
#ifndef SIDMILL_FORMATS_TABLE_H
#define SIDMILL_FORMATS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "data/strtab.h"
#include "formats/cells.h"
#include "formats/source.h"

enum { TABLE_MAX_COLUMNS = 10000 };

/* Valid UTF-8 without NUL; borrowed until the next row. */
typedef cell_t table_cell_t;

typedef struct table table_t;
struct table {
    source_lines_t source;
    strtab_t header;          /* the columns' names, "#3" for the third where it has none; empty without a header */
    const char *list_separator;
    int columns;
    table_cell_t *cells;      /* [columns] the current row */
    long long line;           /* where it starts, for messages */
    bool (*next)(table_t *t, int *cells);   /* fills `cells` as far as there are columns; gives their number */
    void (*close)(table_t *t);
    bool first_is_row;        /* there is no header: the first row was read to count the columns and will come again */
};

/* Comma-separated values (RFC 4180) or another delimiter, by libcsv: cells may be quoted and then hold delimiters, line
 * breaks and, doubled, quotes; blanks around unquoted cells are dropped, blank lines passed over. With `header` false there
 * is none: columns go by number. A bad header ends the process. */
table_t *table_csv(const source_options_t *o, bool header, tally_t *tally);

/* RecBole's atomic files: tab-separated, a header of NAME:TYPE with the types token, token_seq, float and float_seq. */
table_t *table_recbole(const source_options_t *o, bool header, tally_t *tally);

/* The next row that has as many cells as there are columns; false at the end. Others are malformed (source_bad_line()). */
bool table_next(table_t *t);

/* source_bad_line() for the current row. */
void table_bad_row(table_t *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void table_free(table_t *t);

#endif
