#include "score/show.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/in.h"
#include "base/label.h"
#include "base/mem.h"
#include "data/protocol.h"
#include "score/show_table.h"

#define SIGNIFICANT 0.05

static cJSON *parse(const char *text, size_t n, const char *name)
{
    cJSON *json = cJSON_ParseWithLength(text, n);
    if (!cJSON_IsObject(json)) die(EX_DATAERR, "%s: not a JSON object, expected metrics, a comparison or an ablation", name);
    return json;
}

/* The protocol of a comparison; one that does not say counts all items. */
static const char *protocol_of(const cJSON *json)
{
    const char *name = show_text_at(json, "protocol");
    return name ? name : protocol_names[PROTOCOL_ALL];
}

/* Lays out a metric's row, called `name`, unless it has no interval. */
static void lay_difference(grid_t *g, const char *name, const cJSON *m)
{
    const cJSON *interval = show_at(m, "interval");
    const cJSON *low = cJSON_GetArrayItem(interval, 0), *high = cJSON_GetArrayItem(interval, 1);
    if (!cJSON_IsNumber(low) || !cJSON_IsNumber(high)) return;
    grid_row(g, name);
    grid_number(g, "%.4f", show_number_at(m, "a"));
    grid_number(g, "%.4f", show_number_at(m, "b"));
    grid_number(g, "%+.4f", show_number_at(m, "difference"));
    grid_cell(g, "[%+.4f, %+.4f]", low->valuedouble, high->valuedouble);
    grid_number(g, "%.3f", show_number_at(m, "t"));
    grid_number(g, "%.3g", show_number_at(m, "p"));
}

static grid_t *add_differences(grids_t *to, const char *title, const char *corner)
{
    grid_t *g = grids_add(to, title, corner);
    grid_numbers(g, "A");
    grid_numbers(g, "B");
    grid_numbers(g, "B - A");
    grid_texts(g, "95% interval");
    grid_numbers(g, "t");
    grid_numbers(g, "p");
    return g;
}

static void lay_comparison(grids_t *to, const char *title, const cJSON *json)
{
    const cJSON *m, *stratum, *strata = show_at(json, "strata");
    grid_t *g = add_differences(to, title, protocol_of(json));
    cJSON_ArrayForEach(m, show_at(json, "metrics")) lay_difference(g, m->string, m);
    if (strata) g = add_differences(to, "ndcg@10 by popularity of the held-out item", protocol_of(json));
    cJSON_ArrayForEach(stratum, strata) lay_difference(g, stratum->string, show_at(show_at(stratum, "metrics"), "ndcg@10"));
}

/* A metric of an ablation's row: the mean and what it gains over the first row, with a star where that is significant among all
 * rows. */
static void lay_gain(grid_t *g, const cJSON *row, const char *metric, bool reference)
{
    char *path = xasprintf("metrics.%s", metric);
    const cJSON *m = show_at(row, path), *interval = show_at(m, "interval");
    const cJSON *low = cJSON_GetArrayItem(interval, 0), *high = cJSON_GetArrayItem(interval, 1);
    grid_number(g, "%.4f", show_number_at(m, "mean"));
    if (reference || !cJSON_IsNumber(low) || !cJSON_IsNumber(high)) {
        grid_cell(g, "%s", "");
        grid_cell(g, "%s", "");
    } else {
        grid_number(g, "%+.4f", show_number_at(m, "difference"));
        grid_cell(g, "[%+.4f, %+.4f]%s", low->valuedouble, high->valuedouble, show_number_at(m, "p_holm") < SIGNIFICANT ? "*" : "");
    }
    free(path);
}

/* The metric of a kind ("hr@") that there is room for: at 10, or the longest cut where 10 is none; NULL without any. */
static const char *main_metric(const cJSON *row, const char *kind)
{
    const cJSON *metric;
    const char *best = NULL;
    cJSON_ArrayForEach(metric, show_at(row, "metrics"))
    {
        if (strncmp(metric->string, kind, strlen(kind))) continue;
        best = metric->string;
        if (!strcmp(best + strlen(kind), "10")) break;
    }
    return best;
}

static void lay_ablation_row(grid_t *g, const cJSON *row, const char *const metrics[2], bool reference)
{
    const char *label = show_text_at(row, "label");
    grid_row(g, label ? label : "");
    grid_number(g, "%.0f", show_number_at(row, "seeds"));
    grid_number(g, "%.3f", show_number_at(row, "sids.alone"));
    grid_number(g, "%.3f", show_number_at(row, "sids.utilisation"));
    for (int m = 0; m < 2; m++)
        if (metrics[m]) lay_gain(g, row, metrics[m], reference);
}

static bool is_significant(const cJSON *row, const char *metric)
{
    char *path = xasprintf("metrics.%s.p_holm", metric);
    const double p = show_number_at(row, path);
    free(path);
    return p < SIGNIFICANT;
}

static void lay_ablation(grids_t *to, const char *title, const cJSON *json)
{
    const cJSON *row, *rows = show_at(json, "rows"), *first = rows ? rows->child : NULL;
    const char *metrics[2] = {main_metric(first, "hr@"), main_metric(first, "ndcg@")};
    bool stars = false;
    grid_t *g = grids_add(to, title, protocol_of(json));
    grid_numbers(g, "seeds");
    grid_numbers(g, "alone");
    grid_numbers(g, "used");
    for (int m = 0; m < 2; m++) {
        if (!metrics[m]) continue;
        grid_numbers(g, metrics[m]);
        grid_numbers(g, "gain");
        grid_texts(g, "95% interval");
    }
    cJSON_ArrayForEach(row, rows)
    {
        lay_ablation_row(g, row, metrics, row == first);
        for (int m = 0; m < 2; m++) stars |= metrics[m] && is_significant(row, metrics[m]);
    }
    if (stars) grid_note(g, "* p < %g after Holm's correction over the rows", SIGNIFICANT);
}

/* What lays out a JSON that is a table of its own; NULL for any other. */
typedef void (*lay_fn)(grids_t *to, const char *title, const cJSON *json);
static lay_fn layer_of(const cJSON *json)
{
    const char *schema = show_text_at(json, "schema");
    if (!schema) return NULL;
    return !strcmp(schema, "comparison/1") ? lay_comparison : !strcmp(schema, "ablation/1") ? lay_ablation : NULL;
}

void show_text(FILE *out, const char *json)
{
    cJSON *parsed = parse(json, strlen(json), "comparison");
    grids_t grids = {0};
    lay_fn lay = layer_of(parsed);
    if (lay) lay(&grids, NULL, parsed);
    grids_print(out, &grids, GRID_TEXT);
    grids_free(&grids);
    cJSON_Delete(parsed);
}

void show_files(FILE *out, char **operands, int count, const published_t *published, const char *dataset, grid_form_t form)
{
    grids_t grids = {0};
    show_table_t table = {0};
    cJSON **files = NEW_ARRAY(cJSON *, count);
    for (int i = 0; i < count; i++) {
        char *label = label_name(operands[i], ".json", "metrics");
        bytes_t b = in_bytes(label_file(operands[i]));
        files[i] = parse((const char *)b.data, b.len, b.name);
        lay_fn lay = layer_of(files[i]);
        if (lay) {
            lay(&grids, label, files[i]);
        } else if (cJSON_IsObject(show_at(files[i], "metrics"))) {
            show_table_add(&table, label, files[i], files[i]);
        } else {
            die(EX_DATAERR, "%s: no \"metrics\" object, expected metrics, a comparison or an ablation", b.name);
        }
        in_free(&b);
        free(label);
    }
    show_table_add_others(&table);
    if (table.count) show_table_lay(&grids, &table);
    if (table.count && published) show_published(&grids, &table, published, dataset);
    grids_print(out, &grids, form);
    grids_free(&grids);
    show_table_free(&table);
    for (int i = 0; i < count; i++) cJSON_Delete(files[i]);
    free(files);
}
