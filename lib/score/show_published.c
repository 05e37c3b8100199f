#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "score/show_table.h"

static bool same_split(const show_table_t *t, const figure_t *f)
{
    for (int i = 0; i < t->count; i++) {
        const char *split = show_text_at(t->columns[i].file, "split");
        if (!split || strcmp(split, f->split) != 0) return false;
    }
    return true;
}

/* A sample of users is never the published one. */
static bool same_users(const show_table_t *t, const figure_t *f)
{
    for (int i = 0; i < t->count; i++) {
        const cJSON *file = t->columns[i].file;
        if (show_number_at(file, "settings.config.users") > 0) return false;
        if (f->users && !(fabs(show_number_at(file, "users") - (double)f->users) < 0.5)) return false;
    }
    return true;
}

static void note_left_out(const published_t *p, const char *dataset, int64_t found, int64_t splits, int64_t users)
{
    if (!found) note("%s: no figures of %s", p->name, dataset);
    if (splits) note("%s: %lld figures of %s are of another split: not shown", p->name, (long long)splits, dataset);
    if (users) note("%s: %lld figures of %s are of other users: not shown", p->name, (long long)users, dataset);
}

show_beside_t show_beside(const show_table_t *t, const published_t *p, const char *dataset)
{
    show_beside_t b = {0};
    int64_t found = 0, splits = 0, users = 0;
    for (int64_t i = 0; i < p->count; i++) {
        const figure_t *f = &p->figures[i];
        if (strcmp(f->dataset, dataset) != 0) continue;
        const bool split = same_split(t, f), counted = same_users(t, f);
        found++;
        splits += !split;
        users += split && !counted;
        if (!split || !counted) continue;
        GROW(b.figures, b.count, b.cap);
        b.figures[b.count++] = f;
    }
    note_left_out(p, dataset, found, splits, users);
    return b;
}

/* For qsort(), of metrics' names: by cut, mrr without one last; then hr, ndcg, mrr. */
static int by_cut(const void *a, const void *b)
{
    const char *x = *(const char *const *)a, *y = *(const char *const *)b, *kinds = "hnm";
    const char *at_x = strchr(x, '@'), *at_y = strchr(y, '@');
    const long long cut_x = at_x ? atoll(at_x + 1) : INT64_MAX, cut_y = at_y ? atoll(at_y + 1) : INT64_MAX;
    if (cut_x != cut_y) return cut_x < cut_y ? -1 : 1;
    return (int)(strchr(kinds, *x) - strchr(kinds, *y));
}

/* True if no figure before the one at `at` is of the same system and protocol, or with `metric` of the same metric. */
static bool is_first(const show_beside_t *b, int at, protocol_t protocol, bool metric)
{
    const figure_t *f = b->figures[at];
    for (int i = 0; i < at; i++) {
        const figure_t *other = b->figures[i];
        if (!published_fits(other, protocol)) continue;
        if (metric ? !strcmp(other->metric, f->metric) : other->mask == f->mask && !strcmp(other->system, f->system)) return false;
    }
    return true;
}

/* The figure of a system's metric; NaN where there is none. */
static double value_of(const show_beside_t *b, const figure_t *system, const char *metric)
{
    for (int i = 0; i < b->count; i++) {
        const figure_t *f = b->figures[i];
        if (f->mask == system->mask && !strcmp(f->system, system->system) && !strcmp(f->metric, metric)) return f->value;
    }
    return NAN;
}

/* Lays out the systems of the files, without their parts and baselines. */
static void lay_systems(grid_t *g, const show_table_t *t, const char *const *metrics, int count, protocol_t protocol)
{
    static const char *const members[PROTOCOLS] = {"metrics", "metrics_unseen"};
    for (int i = 0; i < t->count; i++) {
        if (t->columns[i].result != t->columns[i].file) continue;
        const cJSON *found = show_at(t->columns[i].result, members[protocol]);
        grid_row(g, t->columns[i].label);
        for (int m = 0; m < count; m++) grid_number(g, "%.4f", show_number_at(found, metrics[m]));
    }
}

static void lay_figures(grid_t *g, const show_beside_t *b, const char *const *metrics, int count, protocol_t protocol)
{
    for (int i = 0; i < b->count; i++) {
        const figure_t *f = b->figures[i];
        if (!published_fits(f, protocol) || !is_first(b, i, protocol, false)) continue;
        char *name = xasprintf("%s%s", f->system, f->mask == MASK_UNKNOWN ? " ?" : "");
        grid_row(g, name);
        for (int m = 0; m < count; m++) grid_number(g, "%.4f", value_of(b, f, metrics[m]));
        grid_cell(g, "%s", f->source);
        free(name);
    }
}

static bool unknown_mask(const show_beside_t *b, protocol_t protocol)
{
    for (int i = 0; i < b->count; i++)
        if (published_fits(b->figures[i], protocol) && b->figures[i]->mask == MASK_UNKNOWN) return true;
    return false;
}

/* Lays out both sorts of systems under one protocol, with the metrics that the figures have. */
static void lay_protocol(grids_t *to, const show_table_t *t, const show_beside_t *b, const char *dataset, protocol_t protocol)
{
    const char **metrics = NEW_ARRAY(const char *, b->count + 1);
    int count = 0;
    for (int i = 0; i < b->count; i++)
        if (published_fits(b->figures[i], protocol) && is_first(b, i, protocol, true)) metrics[count++] = b->figures[i]->metric;
    qsort(metrics, (size_t)count, sizeof *metrics, by_cut);
    if (count) {
        char *title = xasprintf("%s, %s", dataset, protocol_words[protocol]);
        grid_t *g = grids_add(to, title, "");
        free(title);
        for (int m = 0; m < count; m++) grid_numbers(g, metrics[m]);
        grid_texts(g, "source");
        lay_systems(g, t, metrics, count, protocol);
        lay_figures(g, b, metrics, count, protocol);
        if (unknown_mask(b, protocol)) grid_note(g, "? does not say whether met items were left out: comparable with neither");
    }
    free(metrics);
}

void show_published(grids_t *to, const show_table_t *t, const published_t *p, const char *dataset)
{
    show_beside_t b = show_beside(t, p, dataset);
    for (protocol_t protocol = 0; protocol < PROTOCOLS; protocol++) lay_protocol(to, t, &b, dataset, protocol);
    free(b.figures);
}
