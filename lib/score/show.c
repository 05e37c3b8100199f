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
#include "score/metrics.h"
#include "score/strata.h"

/* A column of the table: one system of one file. */
typedef struct {
    char *label;
    const cJSON *file, *result;
} show_column_t;

typedef struct {
    show_column_t *columns;
    int count, cap;
} show_table_t;

/* Values are found by path, since keys such as "hr@10" hold no dot: "strata.head.hr@10". */
static const cJSON *at_path(const cJSON *json, const char *path)
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

static const char *text_at(const cJSON *json, const char *path)
{
    const cJSON *value = at_path(json, path);
    return cJSON_IsString(value) ? value->valuestring : NULL;
}

static double number_at(const cJSON *json, const char *path)
{
    const cJSON *value = at_path(json, path);
    return cJSON_IsNumber(value) ? value->valuedouble : NAN;
}

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

static void add_column(show_table_t *t, const char *label, const cJSON *file, const cJSON *result)
{
    GROW(t->columns, t->count, t->cap);
    t->columns[t->count++] = (show_column_t){xstrdup(label), file, result};
}

/* The same baseline of several files is shown once. */
static bool shown_already(const show_table_t *t, const cJSON *result)
{
    for (int i = 0; i < t->count; i++)
        if (cJSON_Compare(at_path(t->columns[i].result, "metrics"), at_path(result, "metrics"), true)) return true;
    return false;
}

/* Adds the other results that the first `systems` columns' files hold under a key. */
static void add_others(show_table_t *t, int systems, const char *key, const char *prefix)
{
    for (int i = 0; i < systems; i++) {
        const cJSON *file = t->columns[i].file, *result;
        cJSON_ArrayForEach(result, at_path(file, key))
        {
            if (shown_already(t, result)) continue;
            char *label = xasprintf("%s%s", prefix, result->string);
            add_column(t, label, file, result);
            free(label);
        }
    }
}

static void print_row(FILE *out, const show_table_t *t, const char *name, const char *path, bool of_file, const char *format)
{
    bool any = false;
    for (int i = 0; i < t->count; i++)
        any |= !isnan(number_at(of_file ? t->columns[i].file : t->columns[i].result, path));
    if (!any) return;
    fprintf(out, "%-16s", name);
    for (int i = 0; i < t->count; i++) {
        const show_column_t *c = &t->columns[i];
        int width = (int)strlen(c->label) > 8 ? (int)strlen(c->label) : 8;
        char cell[32] = "-";
        double v = number_at(of_file ? c->file : c->result, path);
        if (!isnan(v)) snprintf(cell, sizeof cell, format, v);
        fprintf(out, "  %*s", width, cell);
    }
    fputc('\n', out);
}

static void print_table(FILE *out, const show_table_t *t)
{
    fprintf(out, "%-16s", protocol_words[PROTOCOL_ALL]);
    for (int i = 0; i < t->count; i++) fprintf(out, "  %8s", t->columns[i].label);
    fputc('\n', out);
    print_row(out, t, "users", "users", true, "%.0f");
    for (int m = 0; m < METRICS; m++) {
        char path[32];
        snprintf(path, sizeof path, "metrics.%s", metric_name(m));
        print_row(out, t, metric_name(m), path, false, "%.4f");
    }
    print_row(out, t, "unseen hr@10", "metrics_unseen.hr@10", false, "%.4f");
    print_row(out, t, "unseen ndcg@10", "metrics_unseen.ndcg@10", false, "%.4f");
    print_row(out, t, "coverage@10", "coverage@10", false, "%.4f");
    print_row(out, t, "invalid rate", "invalid_rate", false, "%.4f");
    for (int s = 0; s < STRATA; s++) {
        static const char *const kept[] = {"hr@10", "ndcg@10"};
        for (int m = 0; m < 2; m++) {
            char name[32], path[48];
            snprintf(name, sizeof name, "%s %s", stratum_name(s), kept[m]);
            snprintf(path, sizeof path, "strata.%s.%s", stratum_name(s), kept[m]);
            print_row(out, t, name, path, false, "%.4f");
        }
    }
}

/* The protocol of a comparison; one that does not say counts all items. */
static const char *protocol_of(const cJSON *json)
{
    const char *name = text_at(json, "protocol");
    return name ? name : protocol_names[PROTOCOL_ALL];
}

static void print_comparison(FILE *out, const cJSON *json)
{
    const cJSON *metrics = at_path(json, "metrics"), *m;
    fprintf(out, "%-10s %8s %8s %8s  %-20s %9s %9s\n", protocol_of(json), "A", "B", "B - A", "95% interval", "t", "p");
    cJSON_ArrayForEach(m, metrics)
    {
        const cJSON *interval = at_path(m, "interval");
        const cJSON *low = cJSON_GetArrayItem(interval, 0), *high = cJSON_GetArrayItem(interval, 1);
        if (!cJSON_IsNumber(low) || !cJSON_IsNumber(high)) continue;
        fprintf(out, "%-10s %8.4f %8.4f %+8.4f  [%+.4f, %+.4f]   %9.3f %9.3g\n", m->string, number_at(m, "a"), number_at(m, "b"),
                number_at(m, "difference"), low->valuedouble, high->valuedouble, number_at(m, "t"), number_at(m, "p"));
    }
}

/* A metric of an ablation's row: the mean and what it gains over the first row. */
static void print_gain(FILE *out, const cJSON *row, const char *metric, bool reference)
{
    char path[48];
    snprintf(path, sizeof path, "metrics.%s", metric);
    const cJSON *m = at_path(row, path), *interval = at_path(m, "interval");
    const cJSON *low = cJSON_GetArrayItem(interval, 0), *high = cJSON_GetArrayItem(interval, 1);
    fprintf(out, "  %8.4f", number_at(m, "mean"));
    if (reference || !cJSON_IsNumber(low) || !cJSON_IsNumber(high)) fprintf(out, " %8s %-18s", "", "");
    else fprintf(out, " %+8.4f [%+.4f, %+.4f]", number_at(m, "difference"), low->valuedouble, high->valuedouble);
}

static void print_share(FILE *out, double share)
{
    if (isnan(share)) fprintf(out, " %6s", "-");
    else fprintf(out, " %6.3f", share);
}

static void print_ablation(FILE *out, const cJSON *json)
{
    const cJSON *row, *rows = at_path(json, "rows");
    fprintf(out, "%-21s %5s %6s %6s  %8s %8s %-18s  %8s %8s %-18s\n", protocol_of(json), "seeds", "alone", "used",
            "hr@10", "gain", " 95% interval", "ndcg@10", "gain", " 95% interval");
    cJSON_ArrayForEach(row, rows)
    {
        const char *label = text_at(row, "label");
        fprintf(out, "%-21s %5.0f", label ? label : "", number_at(row, "seeds"));
        print_share(out, number_at(row, "sids.alone"));
        print_share(out, number_at(row, "sids.utilisation"));
        print_gain(out, row, "hr@10", row == rows->child);
        print_gain(out, row, "ndcg@10", row == rows->child);
        fputc('\n', out);
    }
}

/* What prints a JSON that is a table of its own; NULL for any other. */
typedef void (*print_fn)(FILE *out, const cJSON *json);
static print_fn printer_of(const cJSON *json)
{
    const char *schema = text_at(json, "schema");
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

void show_files(FILE *out, char **operands, int count)
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
        } else if (cJSON_IsObject(at_path(files[i], "metrics"))) {
            add_column(&table, label, files[i], files[i]);
        } else {
            die(EX_DATAERR, "%s: no \"metrics\" object, expected metrics, a comparison or an ablation", b.name);
        }
        in_free(&b);
        free(label);
    }
    const int systems = table.count;
    add_others(&table, systems, "parts", "part ");
    add_others(&table, systems, "baselines", "");
    if (table.count) print_table(out, &table);
    for (int i = 0; i < table.count; i++) free(table.columns[i].label);
    for (int i = 0; i < count; i++) cJSON_Delete(files[i]);
    free(table.columns);
    free(files);
}
