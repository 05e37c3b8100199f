#include "base/grid.h"

#include <math.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/minmax.h"

enum { NAME_WIDTH = 16, NUMBER_WIDTH = 8 }; /* at least */

#define MISSING "-"

const char *const grid_forms[] = {"text", "tsv", "json", "markdown", "latex", NULL};

grid_form_t grid_form(const char *name)
{
    for (int i = 0; grid_forms[i]; i++)
        if (!strcmp(grid_forms[i], name)) return (grid_form_t)i;
    die(EX_SOFTWARE, "no form of tables is called '%s'", name);
}

typedef struct {
    char **text; /* [columns], NULL: empty; column 0 is the names' */
    int count;
} row_t;

struct grid {
    char *title;
    row_t headings;
    bool *numbers; /* [columns] */
    int columns, columns_cap, numbers_cap;
    row_t *rows;
    int count, cap;
    char **notes;
    int note_count, note_cap;
};

static void add_column(grid_t *g, const char *heading, bool numbers)
{
    if (g->count) die(EX_SOFTWARE, "a table's columns come before its rows");
    GROW(g->headings.text, g->columns, g->columns_cap);
    GROW(g->numbers, g->columns, g->numbers_cap);
    g->headings.text[g->columns] = xstrdup(heading);
    g->numbers[g->columns++] = numbers;
    g->headings.count = g->columns;
}

grid_t *grids_add(grids_t *to, const char *title, const char *corner)
{
    GROW(to->all, to->count, to->cap);
    grid_t *g = to->all[to->count++] = NEW(grid_t);
    if (title) g->title = xstrdup(title);
    add_column(g, corner, false);
    return g;
}

void grid_texts(grid_t *g, const char *heading) { add_column(g, heading, false); }

void grid_numbers(grid_t *g, const char *heading) { add_column(g, heading, true); }

void grid_row(grid_t *g, const char *name)
{
    GROW(g->rows, g->count, g->cap);
    row_t *row = &g->rows[g->count++];
    *row = (row_t){NEW_ARRAY(char *, g->columns), 1};
    row->text[0] = xstrdup(name);
}

void grid_cell(grid_t *g, const char *fmt, ...)
{
    row_t *row = &g->rows[g->count - 1];
    if (row->count == g->columns) die(EX_SOFTWARE, "a table's row has too many cells");
    va_list args;
    va_start(args, fmt);
    row->text[row->count++] = xvasprintf(fmt, args);
    va_end(args);
}

void grid_number(grid_t *g, const char *format, double value)
{
    char text[64] = MISSING;
    if (!isnan(value)) snprintf(text, sizeof text, format, value);
    grid_cell(g, "%s", text);
}

void grid_note(grid_t *g, const char *fmt, ...)
{
    GROW(g->notes, g->note_count, g->note_cap);
    va_list args;
    va_start(args, fmt);
    g->notes[g->note_count++] = xvasprintf(fmt, args);
    va_end(args);
}

static const char *cell(const row_t *row, int column)
{
    return row->text[column] ? row->text[column] : "";
}

/* --- For the eye --------------------------------------------------------------------------------------------------------- */

static int width_of(const grid_t *g, int column)
{
    int64_t width = !column ? NAME_WIDTH : g->numbers[column] ? NUMBER_WIDTH : 0;
    width = max64(width, (int64_t)strlen(cell(&g->headings, column)));
    for (int r = 0; r < g->count; r++) width = max64(width, (int64_t)strlen(cell(&g->rows[r], column)));
    return (int)width;
}

/* Prints blanks and a cell, and no blanks at the end of a line. */
static void print_cell(FILE *out, const grid_t *g, const row_t *row, int column, int *blanks, bool bold)
{
    const char *text = cell(row, column);
    const int length = (int)strlen(text), pad = width_of(g, column) - length;
    *blanks += (column ? 2 : 0) + (g->numbers[column] ? pad : 0);
    if (length) {
        fprintf(out, "%*s%s%s%s", *blanks, "", bold ? "\033[1m" : "", text, bold ? "\033[0m" : "");
        *blanks = 0;
    }
    *blanks += g->numbers[column] ? 0 : pad;
}

static void print_row(FILE *out, const grid_t *g, const row_t *row, bool bold, bool terminal)
{
    int blanks = 0;
    for (int c = 0; c < g->columns; c++) {
        const char *text = cell(row, c), *star = strrchr(text, '*');
        print_cell(out, g, row, c, &blanks, bold || (terminal && c && star && !star[1]));
    }
    fputc('\n', out);
}

static void print_text(FILE *out, const grid_t *g)
{
    const bool terminal = isatty(fileno(out)) && !getenv("NO_COLOR");
    if (g->title) fprintf(out, "%s\n", g->title);
    print_row(out, g, &g->headings, terminal, terminal);
    for (int r = 0; r < g->count; r++) print_row(out, g, &g->rows[r], false, terminal);
    for (int n = 0; n < g->note_count; n++) fprintf(out, "%s\n", g->notes[n]);
}

/* --- For programs -------------------------------------------------------------------------------------------------------- */

static void print_tsv_row(FILE *out, const grid_t *g, const row_t *row)
{
    for (int c = 0; c < g->columns; c++) {
        const char *text = cell(row, c);
        if (c) fputc('\t', out);
        for (const char *s = c && !strcmp(text, MISSING) ? "" : text; *s; s++) fputc(*s == '\t' || *s == '\n' ? ' ' : *s, out);
    }
    fputc('\n', out);
}

static void print_tsv(FILE *out, const grid_t *g)
{
    if (g->title) fprintf(out, "# %s\n", g->title);
    print_tsv_row(out, g, &g->headings);
    for (int r = 0; r < g->count; r++) print_tsv_row(out, g, &g->rows[r]);
    for (int n = 0; n < g->note_count; n++) fprintf(out, "# %s\n", g->notes[n]);
}

/* Adds a cell as a number where it is one, null where there is none. */
static void add_json_cell(buf_t *b, const char *text)
{
    char *end;
    const double value = strtod(text, &end);
    if (!*text || !strcmp(text, MISSING)) buf_puts(b, "null");
    else if (!*end && isfinite(value)) buf_json_number(b, value);
    else buf_json_string(b, text, strlen(text));
}

static void add_json_texts(buf_t *b, const char *name, int count, char *const *texts)
{
    buf_printf(b, "\"%s\": [", name);
    for (int i = 0; i < count; i++) {
        if (i) buf_puts(b, ", ");
        buf_json_string(b, texts[i], strlen(texts[i]));
    }
    buf_puts(b, "]");
}

static void print_json(FILE *out, const grid_t *g)
{
    buf_t b = {0};
    buf_puts(&b, "{\"title\": ");
    if (g->title) buf_json_string(&b, g->title, strlen(g->title));
    else buf_puts(&b, "null");
    buf_puts(&b, ",\n  ");
    add_json_texts(&b, "columns", g->columns, g->headings.text);
    buf_puts(&b, ",\n  \"rows\": [");
    for (int r = 0; r < g->count; r++) {
        buf_puts(&b, r ? ",\n    [" : "\n    [");
        buf_json_string(&b, g->rows[r].text[0], strlen(g->rows[r].text[0]));
        for (int c = 1; c < g->columns; c++) {
            buf_puts(&b, ", ");
            add_json_cell(&b, cell(&g->rows[r], c));
        }
        buf_puts(&b, "]");
    }
    buf_puts(&b, "],\n  ");
    add_json_texts(&b, "notes", g->note_count, g->notes);
    buf_puts(&b, "}");
    fputs(b.data, out);
    buf_free(&b);
}

/* --- For papers ---------------------------------------------------------------------------------------------------------- */

static void print_markdown_row(FILE *out, const grid_t *g, const row_t *row)
{
    for (int c = 0; c < g->columns; c++) {
        fputs("| ", out);
        for (const char *s = cell(row, c); *s; s++) {
            if (strchr("|*_`<\\[", *s)) fputc('\\', out);
            fputc(*s == '\n' ? ' ' : *s, out);
        }
        fputc(' ', out);
    }
    fputs("|\n", out);
}

static void print_markdown(FILE *out, const grid_t *g)
{
    if (g->title) fprintf(out, "**%s**\n\n", g->title);
    print_markdown_row(out, g, &g->headings);
    for (int c = 0; c < g->columns; c++) fputs(g->numbers[c] ? "|---:" : "|:---", out);
    fputs("|\n", out);
    for (int r = 0; r < g->count; r++) print_markdown_row(out, g, &g->rows[r]);
    for (int n = 0; n < g->note_count; n++) fprintf(out, "\n%s\n", g->notes[n]);
}

static void print_latex_text(FILE *out, const char *s)
{
    for (; *s; s++) {
        if (strchr("&%$#_{}", *s)) fprintf(out, "\\%c", *s);
        else if (*s == '\\') fputs("\\textbackslash{}", out);
        else if (*s == '~') fputs("\\textasciitilde{}", out);
        else if (*s == '^') fputs("\\textasciicircum{}", out);
        else if (*s == '|') fputs("\\textbar{}", out);
        else if (*s == '<') fputs("\\textless{}", out);
        else if (*s == '>') fputs("\\textgreater{}", out);
        else fputc(*s == '\n' ? ' ' : *s, out);
    }
}

static void print_latex_row(FILE *out, const grid_t *g, const row_t *row)
{
    for (int c = 0; c < g->columns; c++) {
        const char *text = cell(row, c);
        const bool negative = *text == '-' && text[1];
        if (c) fputs(" & ", out);
        if (negative) fputs("$-$", out);
        else if (*text == '[') fputs("{}", out); /* else \\ would take it for its own */
        print_latex_text(out, text + negative);
    }
    fputs(" \\\\\n", out);
}

static void print_latex(FILE *out, const grid_t *g)
{
    if (g->title) fprintf(out, "%% %s\n", g->title);
    fputs("\\begin{tabular}{", out);
    for (int c = 0; c < g->columns; c++) fputc(g->numbers[c] ? 'r' : 'l', out);
    fputs("}\n\\hline\n", out);
    print_latex_row(out, g, &g->headings);
    fputs("\\hline\n", out);
    for (int r = 0; r < g->count; r++) print_latex_row(out, g, &g->rows[r]);
    fputs("\\hline\n\\end{tabular}\n", out);
    for (int n = 0; n < g->note_count; n++) fprintf(out, "%% %s\n", g->notes[n]);
}

void grids_print(FILE *out, const grids_t *g, grid_form_t form)
{
    void (*const print[])(FILE *, const grid_t *) = {[GRID_TEXT] = print_text, [GRID_TSV] = print_tsv, [GRID_JSON] = print_json,
                                                     [GRID_MARKDOWN] = print_markdown, [GRID_LATEX] = print_latex};
    if (form == GRID_JSON) fputc('[', out);
    for (int i = 0; i < g->count; i++) {
        if (i) fputs(form == GRID_JSON ? ",\n" : "\n", out);
        print[form](out, g->all[i]);
    }
    if (form == GRID_JSON) fputs("]\n", out);
}

static void free_row(row_t *row, int columns)
{
    for (int c = 0; c < columns; c++) free(row->text[c]);
    free(row->text);
}

void grids_free(grids_t *g)
{
    for (int i = 0; i < g->count; i++) {
        grid_t *grid = g->all[i];
        free_row(&grid->headings, grid->columns);
        for (int r = 0; r < grid->count; r++) free_row(&grid->rows[r], grid->columns);
        for (int n = 0; n < grid->note_count; n++) free(grid->notes[n]);
        free(grid->rows);
        free(grid->notes);
        free(grid->numbers);
        free(grid->title);
        free(grid);
    }
    free(g->all);
    *g = (grids_t){0};
}
