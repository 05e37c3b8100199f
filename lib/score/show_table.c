#include "score/show_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "score/strata.h"

const cJSON *show_at(const cJSON *json, const char *path)
{
    while (json && *path) {
        size_t n = strcspn(path, ".");
        char *key = xstrndup(path, n);
        json = cJSON_GetObjectItemCaseSensitive(json, key);
        free(key);
        path += n + (path[n] == '.');
    }
    return json;
}

const char *show_text_at(const cJSON *json, const char *path)
{
    const cJSON *value = show_at(json, path);
    return cJSON_IsString(value) ? value->valuestring : NULL;
}

double show_number_at(const cJSON *json, const char *path)
{
    const cJSON *value = show_at(json, path);
    return cJSON_IsNumber(value) ? value->valuedouble : NAN;
}

void show_table_add(show_table_t *t, const char *label, const cJSON *file, const cJSON *result)
{
    GROW(t->columns, t->count, t->cap);
    t->columns[t->count++] = (show_column_t){xstrdup(label), file, result};
}

/* The same baseline of several files is shown once. */
static bool shown_already(const show_table_t *t, const cJSON *result)
{
    for (int i = 0; i < t->count; i++)
        if (cJSON_Compare(show_at(t->columns[i].result, "metrics"), show_at(result, "metrics"), true)) return true;
    return false;
}

/* Adds the other results that the first `systems` columns' files hold under a key. */
static void add_others(show_table_t *t, int systems, const char *key, const char *prefix)
{
    for (int i = 0; i < systems; i++) {
        const cJSON *file = t->columns[i].file, *result;
        cJSON_ArrayForEach(result, show_at(file, key))
        {
            if (!result->string || shown_already(t, result)) continue;
            char *label = xasprintf("%s%s", prefix, result->string);
            show_table_add(t, label, file, result);
            free(label);
        }
    }
}

/* Lays out a row, unless no column has its figure. */
static void lay_row(grid_t *g, const show_table_t *t, const char *name, const char *path, bool of_file, const char *format)
{
    bool any = false;
    for (int i = 0; i < t->count; i++)
        any |= !isnan(show_number_at(of_file ? t->columns[i].file : t->columns[i].result, path));
    if (!any) return;
    grid_row(g, name);
    for (int i = 0; i < t->count; i++)
        grid_number(g, format, show_number_at(of_file ? t->columns[i].file : t->columns[i].result, path));
}

/* The cuts of all columns' metrics, ascending. */
typedef struct {
    long *cut;
    int count, cap;
} shown_cuts_t;

static void add_cut(shown_cuts_t *cuts, long cut)
{
    int at = cuts->count;
    for (int i = 0; i < cuts->count; i++)
        if (cuts->cut[i] == cut) return;
    GROW(cuts->cut, cuts->count, cuts->cap);
    for (; at && cuts->cut[at - 1] > cut; at--) cuts->cut[at] = cuts->cut[at - 1];
    cuts->cut[at] = cut;
    cuts->count++;
}

static shown_cuts_t cuts_of(const show_table_t *t)
{
    shown_cuts_t cuts = {0};
    const cJSON *metric;
    for (int i = 0; i < t->count; i++)
        cJSON_ArrayForEach(metric, show_at(t->columns[i].result, "metrics"))
            if (metric->string && !strncmp(metric->string, "hr@", 3)) add_cut(&cuts, strtol(metric->string + 3, NULL, 10));
    return cuts;
}

/* Lays out the rows of hr and ndcg at a cut, called "NAME hr@10" where there is a name, from the object at a path. */
static void lay_pair(grid_t *g, const show_table_t *t, const char *name, const char *path, long cut)
{
    static const char *const kinds[] = {"hr", "ndcg"};
    for (int i = 0; i < 2; i++) {
        char *row = xasprintf("%s %s@%ld", name, kinds[i], cut), *at = xasprintf("%s.%s@%ld", path, kinds[i], cut);
        lay_row(g, t, row, at, false, "%.4f");
        free(row);
        free(at);
    }
}

static void lay_metrics(grid_t *g, const show_table_t *t, const shown_cuts_t *cuts)
{
    static const char *const kinds[] = {"hr", "ndcg"};
    for (int i = 0; i < 2; i++) {
        for (int c = 0; c < cuts->count; c++) {
            char *at = xasprintf("metrics.%s@%ld", kinds[i], cuts->cut[c]);
            lay_row(g, t, at + strlen("metrics."), at, false, "%.4f");
            free(at);
        }
    }
    lay_row(g, t, "mrr", "metrics.mrr", false, "%.4f");
}

/* The cut to show where there is room for one: 10, or the largest where 10 is none. */
static long main_cut(const shown_cuts_t *cuts)
{
    for (int c = 0; c < cuts->count; c++)
        if (cuts->cut[c] == 10) return 10;
    return cuts->count ? cuts->cut[cuts->count - 1] : 10;
}

/* Whether a hundredth of the cases of a column look for an item that training never met. */
static bool has_cold(const show_table_t *t)
{
    for (int i = 0; i < t->count; i++) {
        const double cold = show_number_at(t->columns[i].result, "strata_cold.cold.users");
        if (100 * cold >= cold + show_number_at(t->columns[i].result, "strata_cold.others.users")) return true;
    }
    return false;
}

void show_table_lay(grids_t *to, const show_table_t *t)
{
    static const char *const measures[][2] = {{"coverage@10", "coverage@10"}, {"gini@10", "gini@10"}, {"novelty@10", "novelty@10"},
                                              {"diversity@10", "diversity@10"}, {"ece", "calibration.ece"}, {"invalid rate", "invalid_rate"}};
    shown_cuts_t cuts = cuts_of(t);
    grid_t *g = grids_add(to, NULL, protocol_words[PROTOCOL_ALL]);
    for (int i = 0; i < t->count; i++) grid_numbers(g, t->columns[i].label);
    lay_row(g, t, "users", "users", true, "%.0f");
    lay_metrics(g, t, &cuts);
    lay_pair(g, t, "unseen", "metrics_unseen", main_cut(&cuts));
    for (size_t i = 0; i < sizeof measures / sizeof *measures; i++)
        lay_row(g, t, measures[i][0], measures[i][1], false, "%.4f");
    for (int s = 0; s < STRATA; s++) {
        char *path = xasprintf("strata.%s", stratum_name(s));
        lay_pair(g, t, stratum_name(s), path, main_cut(&cuts));
        free(path);
    }
    if (has_cold(t)) {
        lay_pair(g, t, "cold", "strata_cold.cold.metrics", main_cut(&cuts));
        lay_pair(g, t, "not cold", "strata_cold.others.metrics", main_cut(&cuts));
    }
    free(cuts.cut);
}

void show_table_add_others(show_table_t *t)
{
    const int systems = t->count;
    add_others(t, systems, "parts", "part ");
    add_others(t, systems, "baselines", "");
}

void show_table_free(show_table_t *t)
{
    for (int i = 0; i < t->count; i++) free(t->columns[i].label);
    free(t->columns);
    *t = (show_table_t){0};
}
