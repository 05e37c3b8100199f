#include "score/published.h"

#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"

enum { DATASET, SPLIT, MASK, METRIC, SYSTEM, VALUE, USERS, SOURCE, COLUMNS };

static const char *const column_names[COLUMNS] = {"dataset", "split", "mask", "metric", "system", "value", "users", "source"};
static const char *const mask_names[MASKS] = {"no", "yes", "unknown"};

/* Where each column stands in a line; -1: nowhere. */
typedef struct {
    int place[COLUMNS], count;
} layout_t;

static int index_of(const char *word, const char *const *words, int n)
{
    for (int i = 0; i < n; i++)
        if (!strcmp(word, words[i])) return i;
    return -1;
}

static layout_t read_layout(lines_t *in)
{
    layout_t l = {.count = 0};
    for (int c = 0; c < COLUMNS; c++) l.place[c] = -1;
    char *rest = in->line, *word;
    while ((word = strsep(&rest, "\t"))) {
        const int c = index_of(word, column_names, COLUMNS);
        if (c < 0) die_at(in->name, in->number, "unknown column '%s'", word);
        if (l.place[c] >= 0) die_at(in->name, in->number, "column '%s' stands there twice", word);
        l.place[c] = l.count++;
    }
    for (int c = 0; c < COLUMNS; c++)
        if (c != USERS && l.place[c] < 0) die_at(in->name, in->number, "no column '%s'", column_names[c]);
    return l;
}

/* Cuts a line into its cells, by column; those that may not be empty are not. */
static void split_line(const lines_t *in, const layout_t *l, const char *cells[COLUMNS])
{
    const char *at[COLUMNS] = {0};
    char *rest = in->line, *cell;
    int n = 0;
    for (; (cell = strsep(&rest, "\t")); n++)
        if (n < l->count) at[n] = cell;
    if (n != l->count) die_at(in->name, in->number, "%d cells, expected %d", n, l->count);
    for (int c = 0; c < COLUMNS; c++) {
        cells[c] = l->place[c] < 0 ? "" : at[l->place[c]];
        if (c != USERS && !*cells[c]) die_at(in->name, in->number, "no %s", column_names[c]);
    }
}

static double value_of(const lines_t *in, const char *cell)
{
    char *end;
    double v = strtod(cell, &end);
    if (*end || !(v >= 0 && v <= 1)) die_at(in->name, in->number, "value '%s', expected a number from 0 to 1", cell);
    return v;
}

static int64_t users_of(const lines_t *in, const char *cell)
{
    char *end;
    if (!*cell) return 0;
    long long n = strtoll(cell, &end, 10);
    if (*end || n < 1) die_at(in->name, in->number, "users '%s', expected their number", cell);
    return n;
}

/* True for a kind of metric that is cut, and a cut after it. */
static bool is_metric_at_cut(const char *cell)
{
    static const char *const kinds[] = {"hr@", "ndcg@", "mrr@"};
    for (int i = 0; i < 3; i++) {
        const char *cut = cell + strlen(kinds[i]);
        if (!strncmp(cell, kinds[i], strlen(kinds[i]))) return *cut >= '1' && *cut <= '9' && !cut[strspn(cut, "0123456789")];
    }
    return false;
}

static void check_metric(const lines_t *in, const char *cell)
{
    if (strcmp(cell, "mrr") != 0 && !is_metric_at_cut(cell))
        die_at(in->name, in->number, "metric '%s', expected hr@N, ndcg@N, mrr@N or mrr", cell);
}

static bool same_figure(const figure_t *a, const figure_t *b)
{
    return a->mask == b->mask && !strcmp(a->dataset, b->dataset) && !strcmp(a->split, b->split) && !strcmp(a->metric, b->metric) &&
           !strcmp(a->system, b->system);
}

static figure_t figure_of(const lines_t *in, const char *const cells[COLUMNS])
{
    const int mask = index_of(cells[MASK], mask_names, MASKS);
    if (mask < 0) die_at(in->name, in->number, "mask '%s', expected no, yes or unknown", cells[MASK]);
    check_metric(in, cells[METRIC]);
    return (figure_t){xstrdup(cells[DATASET]), xstrdup(cells[SPLIT]), xstrdup(cells[METRIC]), xstrdup(cells[SYSTEM]),
                      xstrdup(cells[SOURCE]), (mask_t)mask, value_of(in, cells[VALUE]), users_of(in, cells[USERS]), in->number};
}

static void add_figure(published_t *p, const lines_t *in, const layout_t *layout)
{
    const char *cells[COLUMNS];
    split_line(in, layout, cells);
    GROW(p->figures, p->count, p->cap);
    figure_t *f = &p->figures[p->count];
    *f = figure_of(in, cells);
    for (int64_t i = 0; i < p->count; i++)
        if (same_figure(&p->figures[i], f)) die_at(in->name, in->number, "says again what line %lld says", p->figures[i].line);
    p->count++;
}

published_t published_read(const char *path)
{
    published_t p = {0};
    layout_t layout = {.count = 0};
    lines_t in = in_lines(path);
    while (in_next_text(&in)) {
        if (in.line[0] == '#') continue;
        if (!utf8_valid(in.line, in.len)) die_at(in.name, in.number, "not valid UTF-8");
        if (layout.count) add_figure(&p, &in, &layout);
        else layout = read_layout(&in);
    }
    if (!layout.count) die_at(in.name, 0, "no line with the columns' names");
    p.name = xstrdup(in.name);
    in_close(&in);
    return p;
}

void published_free(published_t *p)
{
    for (int64_t i = 0; i < p->count; i++) {
        figure_t *f = &p->figures[i];
        free(f->dataset);
        free(f->split);
        free(f->metric);
        free(f->system);
        free(f->source);
    }
    free(p->figures);
    free(p->name);
    *p = (published_t){0};
}

bool published_fits(const figure_t *f, protocol_t protocol)
{
    return f->mask == MASK_UNKNOWN || (f->mask == MASK_YES) == (protocol == PROTOCOL_UNSEEN);
}
