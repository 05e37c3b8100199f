/* Tables of short texts: for the eye, for programs, and for papers. */
#ifndef SIDMILL_BASE_GRID_H
#define SIDMILL_BASE_GRID_H

#include <stdbool.h>
#include <stdio.h>

/* text: columns side by side, on a terminal with headings in bold, as is what ends in a star (unless NO_COLOR is set: no-color.org);
 * tsv: a line a row behind one of headings; json: an array of {"title", "columns", "rows", "notes"}; markdown: GitHub's; latex: a
 * tabular environment that needs no package. */
typedef enum { GRID_TEXT, GRID_TSV, GRID_JSON, GRID_MARKDOWN, GRID_LATEX } grid_form_t;

extern const char *const grid_forms[]; /* in that order, for CLI_CHOICE */
grid_form_t grid_form(const char *name);

typedef struct grid grid_t;

/* Tables that are printed one below the other. Zeroed, there are none. */
typedef struct {
    grid_t **all;
    int count, cap;
} grids_t;

/* Adds a table without rows, which belongs to the others from now on. `title` stands above it, NULL for nothing; `corner` heads the
 * column of the rows' names. */
grid_t *grids_add(grids_t *to, const char *title, const char *corner);

/* Adds a column, of texts that begin below each other or of numbers that end so. All columns come before the first row. */
void grid_texts(grid_t *g, const char *heading);
void grid_numbers(grid_t *g, const char *heading);

/* Adds a row, and then its cells from left to right; those that are not added stay empty. A number that is NaN is known to be missing. */
void grid_row(grid_t *g, const char *name);
void grid_cell(grid_t *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void grid_number(grid_t *g, const char *format, double value);

/* Adds a line below the table. */
void grid_note(grid_t *g, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

void grids_print(FILE *out, const grids_t *g, grid_form_t form);
void grids_free(grids_t *g);

#endif
