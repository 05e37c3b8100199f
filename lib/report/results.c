#include "report/results.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/err.h"
#include "base/label.h"
#include "base/mem.h"
#include "report/intervals.h"
#include "report/json_file.h"
#include "score/show_table.h"

/* What the operands hold. */
typedef struct {
    const report_files_t *files;
    int count;
    cJSON **json;        /* [count] by operand */
    show_table_t table;  /* the systems: `own` of the files, then their parts and baselines */
    int own;
    char **ranks;        /* [own] their files of ranks; NULL: none */
} results_t;

static const char *schema_of(const cJSON *json)
{
    const char *schema = show_text_at(json, "schema");
    return schema ? schema : "";
}

static bool is_table(const cJSON *json) { return !strcmp(schema_of(json), "comparison/1") || !strcmp(schema_of(json), "ablation/1"); }

/* The file of ranks that was given for a label, or that stands beside the metrics. */
static char *ranks_of(const report_files_t *files, const char *label, const char *metrics)
{
    for (int i = 0; i < files->per_user.count; i++) {
        const char *operand = files->per_user.items[i];
        const size_t n = label_length(operand);
        if (n == strlen(label) && !strncmp(operand, label, n)) return xstrdup(label_file(operand));
    }
    const char *slash = strrchr(metrics, '/');
    char *beside = xasprintf("%.*sper-user.st", slash ? (int)(slash + 1 - metrics) : 0, metrics);
    if (!access(beside, F_OK)) return beside;
    free(beside);
    return NULL;
}

static results_t results_open(const report_files_t *files)
{
    results_t r = {.files = files, .count = files->result_count, .json = NEW_ARRAY(cJSON *, files->result_count + 1),
                   .ranks = NEW_ARRAY(char *, files->result_count + 1)};
    for (int i = 0; i < r.count; i++) {
        const char *path = label_file(files->results[i]);
        char *label = label_name(files->results[i], ".json", "metrics");
        r.json[i] = json_file_read(path, "metrics, a comparison or an ablation");
        if (!is_table(r.json[i])) {
            if (!cJSON_IsObject(show_at(r.json[i], "metrics")))
                die(EX_DATAERR, "%s: no \"metrics\" object, expected metrics, a comparison or an ablation", path);
            show_table_add(&r.table, label, r.json[i], r.json[i]);
            r.ranks[r.own++] = ranks_of(files, label, path);
        }
        free(label);
    }
    show_table_add_others(&r.table);
    return r;
}

static void results_close(results_t *r)
{
    show_table_free(&r->table);
    for (int i = 0; i < r->own; i++) free(r->ranks[i]);
    for (int i = 0; i < r->count; i++) cJSON_Delete(r->json[i]);
    free(r->ranks);
    free(r->json);
}

/* Appends a system of the table: what is its own, and what its file says of the cases that all of the file's were asked. */
static void add_system(buf_t *out, const results_t *r, int at)
{
    static const char *const shared[] = {"split", "users", "cases", "skipped_users", "beam", "k", NULL};
    static const char *const left_out[] = {"schema", "name", "baseline", "intervals", "parts", "baselines", NULL};
    const show_column_t *column = &r->table.columns[at];
    buf_puts(out, "{\"name\":");
    json_add_text(out, column->label);
    buf_printf(out, ",\"baseline\":%s", at < r->own ? "false" : "true");
    for (int i = 0; at >= r->own && shared[i]; i++) {
        buf_printf(out, ",\"%s\":", shared[i]);
        json_add(out, show_at(column->file, shared[i]));
    }
    json_add_members(out, column->result, left_out);
    if (at < r->own && r->ranks[at]) {
        buf_puts(out, ",\"intervals\":");
        intervals_add(out, &r->ranks[at], &column->result, 1);
    }
    buf_puts(out, "}");
}

/* The length of a label without "-SEED" at its end; 0 where it has no such end. */
static size_t base_length(const char *label)
{
    size_t n = strlen(label), digits = 0;
    while (digits < n && label[n - digits - 1] >= '0' && label[n - digits - 1] <= '9') digits++;
    return digits && n > digits + 1 && label[n - digits - 1] == '-' ? n - digits - 1 : 0;
}

static bool same_base(const char *a, const char *b)
{
    const size_t n = base_length(a);
    return n && n == base_length(b) && !strncmp(a, b, n);
}

/* The systems that differ by their seed alone. */
typedef struct {
    const cJSON **results;
    char **names, **ranks;
    int count;
} group_t;

/* Those like the one at `at`; none where an earlier one is like it. */
static group_t group_of(const results_t *r, int at)
{
    group_t g = {NEW_ARRAY(const cJSON *, r->own), NEW_ARRAY(char *, r->own), NEW_ARRAY(char *, r->own), 0};
    for (int i = 0; i < r->own; i++) {
        const show_column_t *column = &r->table.columns[i];
        if (i != at && !same_base(column->label, r->table.columns[at].label)) continue;
        if (i < at) {
            g.count = 0;
            break;
        }
        g.results[g.count] = column->result;
        g.names[g.count] = column->label;
        g.ranks[g.count++] = r->ranks[i];
    }
    return g;
}

static void group_free(group_t *g)
{
    free(g->results);
    free(g->names);
    free(g->ranks);
}

/* Appends the means of a member's numbers; null where a system has none. */
static void add_means(buf_t *out, const group_t *g, const char *member)
{
    const cJSON *metric;
    int64_t at = 0;
    buf_printf(out, ",\"%s\":{", member);
    cJSON_ArrayForEach(metric, show_at(g->results[0], member))
    {
        double sum = 0;
        if (!metric->string) continue;
        for (int i = 0; i < g->count; i++) {
            const cJSON *other = cJSON_GetObjectItemCaseSensitive(show_at(g->results[i], member), metric->string);
            sum += cJSON_IsNumber(other) ? other->valuedouble : NAN;
        }
        buf_puts(out, at++ ? "," : "");
        json_add_text(out, metric->string);
        buf_puts(out, ":");
        buf_json_number(out, sum / g->count);
    }
    buf_puts(out, "}");
}

static bool all_ranked(const group_t *g)
{
    for (int i = 0; i < g->count; i++)
        if (!g->ranks[i]) return false;
    return true;
}

static void add_mean(buf_t *out, const group_t *g)
{
    buf_puts(out, "{\"name\":");
    char *name = xstrndup(g->names[0], base_length(g->names[0]));
    json_add_text(out, name);
    free(name);
    buf_puts(out, ",\"of\":[");
    for (int i = 0; i < g->count; i++) {
        buf_puts(out, i ? "," : "");
        json_add_text(out, g->names[i]);
    }
    buf_puts(out, "]");
    add_means(out, g, "metrics");
    add_means(out, g, "metrics_unseen");
    if (all_ranked(g)) {
        buf_puts(out, ",\"intervals\":");
        intervals_add(out, g->ranks, g->results, g->count);
    }
    buf_puts(out, "}");
}

static void add_groups(buf_t *out, const results_t *r)
{
    int64_t shown = 0;
    buf_puts(out, "[");
    for (int i = 0; i < r->own; i++) {
        group_t g = group_of(r, i);
        if (g.count > 1) {
            buf_puts(out, shown++ ? "," : "");
            add_mean(out, &g);
        }
        group_free(&g);
    }
    buf_puts(out, "]");
}

static void add_figure(buf_t *out, const figure_t *f)
{
    static const char *const protocol[MASKS] = {"metrics", "metrics_unseen", "?"};
    buf_puts(out, "{\"system\":");
    json_add_text(out, f->system);
    buf_printf(out, ",\"protocol\":\"%s\",\"metric\":", protocol[f->mask]);
    json_add_text(out, f->metric);
    buf_puts(out, ",");
    buf_json_member(out, "value", f->value);
    buf_puts(out, ",\"source\":");
    json_add_text(out, f->source);
    buf_puts(out, "}");
}

static void add_published(buf_t *out, const results_t *r)
{
    buf_puts(out, "[");
    if (r->files->published && r->own) {
        published_t p = published_read(r->files->published);
        show_beside_t b = show_beside(&r->table, &p, r->files->dataset);
        for (int i = 0; i < b.count; i++) {
            buf_puts(out, i ? "," : "");
            add_figure(out, b.figures[i]);
        }
        free(b.figures);
        published_free(&p);
    }
    buf_puts(out, "]");
}

static void add_tables(buf_t *out, const results_t *r)
{
    static const char *const left_out[] = {"name", NULL};
    int64_t shown = 0;
    buf_puts(out, "[");
    for (int i = 0; i < r->count; i++) {
        if (!is_table(r->json[i])) continue;
        char *label = label_name(r->files->results[i], ".json", "metrics");
        buf_puts(out, shown++ ? ",{\"name\":" : "{\"name\":");
        json_add_text(out, label);
        json_add_members(out, r->json[i], left_out);
        buf_puts(out, "}");
        free(label);
    }
    buf_puts(out, "]");
}

void results_add(buf_t *out, const report_files_t *files)
{
    results_t r = results_open(files);
    buf_puts(out, "{\"systems\":[");
    for (int i = 0; i < r.table.count; i++) {
        buf_puts(out, i ? "," : "");
        add_system(out, &r, i);
    }
    buf_puts(out, "],\"means\":");
    add_groups(out, &r);
    buf_puts(out, ",\"published\":");
    add_published(out, &r);
    buf_puts(out, ",\"tables\":");
    add_tables(out, &r);
    buf_puts(out, "}");
    results_close(&r);
}
