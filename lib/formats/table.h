/* Tables as text: rows of cells under a header of names. */
#ifndef SIDMILL_FORMATS_TABLE_H
#define SIDMILL_FORMATS_TABLE_H

#include <stdbool.h>
#include <stddef.h>

#include "data/strtab.h"
#include "formats/cells.h"
#include "formats/source.h"

enum { TABLE_MAX_COLUMNS = 10000 };

/* How cells may be quoted: "auto", as programs write such files (not at all where tabs or several bytes stand between cells),
 * "double", with " that are doubled within, or "none". NULL-terminated. */
extern const char *const table_quotes[];

/* Valid UTF-8 without NUL; borrowed until the next row. */
typedef cell_t table_cell_t;

typedef struct table table_t;
struct table {
    source_lines_t source;
    strtab_t header;          /* the columns' names, "#3" for the third where it has none; empty without a header */
    const char *list_separator;   /* the option's; NULL: the reader's choice */
    int columns;
    bool *sequence;           /* [columns] the header says that cells are lists; NULL: it says nothing of the kind */
    table_cell_t *cells;      /* [columns] the current row */
    long long line, lines;    /* where it starts, and how many lines it takes */
    bool (*next)(table_t *t, int *cells);   /* fills `cells` as far as there are columns; gives their number */
    void (*close)(table_t *t);
    bool first_is_row;        /* there is no header: the first row was read to count the columns and will come again */
    bool mend;                /* cells of columns that are not `exact` get blanks for what is no UTF-8 */
    bool *exact;              /* [columns] */
};

/* Comma-separated values (RFC 4180), with another delimiter where the options have one: cells may be quoted and then hold
 * delimiters, line breaks and, doubled, quotes; blanks around unquoted cells are dropped, blank lines passed over. Text behind a
 * closing quote, and a quote that is not closed, make a row's first line malformed; the next line is then read as a row of its
 * own. With `header` false there is none: columns go by number. A bad header ends the process. */
table_t *table_csv(const source_options_t *o, bool header, tally_t *tally);

/* The same, with tabs where the options have no delimiter. */
table_t *table_tsv(const source_options_t *o, bool header, tally_t *tally);

/* RecBole's atomic files: tab-separated, a header of NAME:TYPE with the types token, token_seq, float and float_seq. */
table_t *table_recbole(const source_options_t *o, bool header, tally_t *tally);

/* The next row that has as many cells as there are columns; false at the end. Others are malformed (source_bad_line()). */
bool table_next(table_t *t);

/* source_bad_line() for the lines of the current row. */
void table_bad_row(table_t *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Has the column's cells refused where they are not UTF-8, whatever `mend` says. */
void table_exact(table_t *t, int column);

/* Adds the column's name to a list, or its number where there is no header. */
void table_add_name(const table_t *t, int column, strtab_t *names);

void table_free(table_t *t);

/* For readers of rows: makes room for the columns of the first row, and names them after the cells just read. */
void table_set_columns(table_t *t, int n);
void table_take_header(table_t *t);

#endif
