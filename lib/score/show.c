#include "score/show.h"

#include <cjson/cJSON.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/in.h"
#include "base/mem.h"
#include "data/protocol.h"
#include "score/label.h"
#include "score/show_table.h"

#define SIGNIFICANT 0.05

/* "LABEL=FILE", else the file's name without .json; "metrics" says nothing, so then its folder's name. */
static char *label_of(const char *operand, const char **path)
{
    size_t label = label_length(operand);
    *path = label ? operand + label + 1 : operand;
    if (label) return xstrndup(operand, label);
    const char *end = operand + strlen(operand), *name = strrchr(operand, '/');
    name = name ? name + 1 : operand;
    if (end - name > 5 && !strcmp(end - 5, ".json")) end -= 5;
    if (end - name == 7 && !memcmp(name, "metrics", 7) && name > operand + 1) {
        end = name - 1;
        for (name = end; name > operand && name[-1] != '/';) name--;
    }
    return xstrndup(name, (size_t)(end - name));
}

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

/* Prints a metric's row, called `name`, unless it has no interval. */
static void print_difference(FILE *out, const char *name, const cJSON *m)
{
    const cJSON *interval = show_at(m, "interval");
    const cJSON *low = cJSON_GetArrayItem(interval, 0), *high = cJSON_GetArrayItem(interval, 1);
    if (!cJSON_IsNumber(low) || !cJSON_IsNumber(high)) return;
    fprintf(out, "%-10s %8.4f %8.4f %+8.4f  [%+.4f, %+.4f]   %9.3f %9.3g\n", name, show_number_at(m, "a"),
            show_number_at(m, "b"), show_number_at(m, "difference"), low->valuedouble, high->valuedouble,
            show_number_at(m, "t"), show_number_at(m, "p"));
}

static void print_comparison(FILE *out, const cJSON *json)
{
    const cJSON *m, *stratum;
    fprintf(out, "%-10s %8s %8s %8s  %-20s %9s %9s\n", protocol_of(json), "A", "B", "B - A", "95% interval", "t", "p");
    cJSON_ArrayForEach(m, show_at(json, "metrics")) print_difference(out, m->string, m);
    if (!show_at(json, "strata")) return;
    fprintf(out, "ndcg@10 by popularity of the held-out item\n");
    cJSON_ArrayForEach(stratum, show_at(json, "strata")) print_difference(out, stratum->string, show_at(show_at(stratum, "metrics"), "ndcg@10"));
}

/* A metric of an ablation's row: the mean and what it gains over the first row, with a star where that is significant among all
 * rows. */
static void print_gain(FILE *out, const cJSON *row, const char *metric, bool reference)
{
    char *path = xasprintf("metrics.%s", metric);
    const cJSON *m = show_at(row, path), *interval = show_at(m, "interval");
    const cJSON *low = cJSON_GetArrayItem(interval, 0), *high = cJSON_GetArrayItem(interval, 1);
    fprintf(out, "  %8.4f", show_number_at(m, "mean"));
    if (reference || !cJSON_IsNumber(low) || !cJSON_IsNumber(high)) fprintf(out, " %8s %-18s ", "", "");
    else fprintf(out, " %+8.4f [%+.4f, %+.4f]%c", show_number_at(m, "difference"), low->valuedouble, high->valuedouble,
                 show_number_at(m, "p_holm") < SIGNIFICANT ? '*' : ' ');
    free(path);
}

static void print_share(FILE *out, double share)
{
    if (isnan(share)) fprintf(out, " %6s", "-");
    else fprintf(out, " %6.3f", share);
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

static void print_ablation_row(FILE *out, const cJSON *row, const char *const metrics[2], bool reference)
{
    const char *label = show_text_at(row, "label");
    fprintf(out, "%-21s %5.0f", label ? label : "", show_number_at(row, "seeds"));
    print_share(out, show_number_at(row, "sids.alone"));
    print_share(out, show_number_at(row, "sids.utilisation"));
    for (int m = 0; m < 2; m++)
        if (metrics[m]) print_gain(out, row, metrics[m], reference);
    fputc('\n', out);
}

static bool is_significant(const cJSON *row, const char *metric)
{
    char *path = xasprintf("metrics.%s.p_holm", metric);
    const double p = show_number_at(row, path);
    free(path);
    return p < SIGNIFICANT;
}

static void print_ablation(FILE *out, const cJSON *json)
{
    const cJSON *row, *rows = show_at(json, "rows"), *first = rows ? rows->child : NULL;
    const char *metrics[2] = {main_metric(first, "hr@"), main_metric(first, "ndcg@")};
    bool stars = false;
    fprintf(out, "%-21s %5s %6s %6s", protocol_of(json), "seeds", "alone", "used");
    for (int m = 0; m < 2; m++)
        if (metrics[m]) fprintf(out, "  %8s %8s %-19s", metrics[m], "gain", " 95% interval");
    fputc('\n', out);
    cJSON_ArrayForEach(row, rows)
    {
        print_ablation_row(out, row, metrics, row == first);
        for (int m = 0; m < 2; m++) stars |= metrics[m] && is_significant(row, metrics[m]);
    }
    if (stars) fprintf(out, "* p < %g after Holm's correction over the rows\n", SIGNIFICANT);
}

/* What prints a JSON that is a table of its own; NULL for any other. */
typedef void (*print_fn)(FILE *out, const cJSON *json);
static print_fn printer_of(const cJSON *json)
{
    const char *schema = show_text_at(json, "schema");
    if (!schema) return NULL;
    return !strcmp(schema, "comparison/1") ? print_comparison : !strcmp(schema, "ablation/1") ? print_ablation : NULL;
}

void show_text(FILE *out, const char *json)
{
    cJSON *parsed = parse(json, strlen(json), "comparison");
    print_fn print = printer_of(parsed);
    if (print) print(out, parsed);
    cJSON_Delete(parsed);
}

void show_files(FILE *out, char **operands, int count, const published_t *published, const char *dataset)
{
    show_table_t table = {0};
    cJSON **files = NEW_ARRAY(cJSON *, count);
    for (int i = 0; i < count; i++) {
        const char *path;
        char *label = label_of(operands[i], &path);
        bytes_t b = in_bytes(path);
        files[i] = parse((const char *)b.data, b.len, b.name);
        print_fn print = printer_of(files[i]);
        if (print) {
            fprintf(out, "%s\n", label);
            print(out, files[i]);
        } else if (cJSON_IsObject(show_at(files[i], "metrics"))) {
            show_table_add(&table, label, files[i], files[i]);
        } else {
            die(EX_DATAERR, "%s: no \"metrics\" object, expected metrics, a comparison or an ablation", b.name);
        }
        in_free(&b);
        free(label);
    }
    show_table_add_others(&table);
    if (table.count) show_table_print(out, &table);
    if (table.count && published) show_published(out, &table, published, dataset);
    show_table_free(&table);
    for (int i = 0; i < count; i++) cJSON_Delete(files[i]);
    free(files);
}
