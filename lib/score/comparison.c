#include "score/comparison.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"
#include "score/metrics.h"
#include "score/seeds.h"
#include "score/significance.h"
#include "score/strata.h"

#define LEVEL 0.95

/* A system's mean of metric m over its seeds, and the mean of every seed, as `"a": .., "a_seeds": [..]`. */
static void mean_json(buf_t *out, const char *name, const seeds_t *system, const metric_set_t *set, int m, int64_t k)
{
    buf_t each = {0};
    double all = 0;
    for (int s = 0; s < system->count; s++) {
        const double mean = seeds_mean(system, s, set, m, k);
        all += mean / system->count;
        buf_puts(&each, s ? ", " : "");
        buf_json_number(&each, mean);
    }
    buf_json_member(out, name, all);
    buf_printf(out, ", \"%s_seeds\": [%s]", name, each.data);
    buf_free(&each);
}

/* What b gains over a, per user, as sums over the user's cases, and metric: [users, metrics]. */
static double *gains(const seeds_t *a, const seeds_t *b, const metric_set_t *set, int64_t k)
{
    double *d = NEW_ARRAY(double, size_mul((size_t)a->ranks[0].users, (size_t)set->count));
    seeds_add_users(b, set, k, 1, d);
    seeds_add_users(a, set, k, -1, d);
    return d;
}

/* A paired difference, metric by metric. */
typedef struct {
    ttest_t t[METRICS_MOST];
    double low[METRICS_MOST], high[METRICS_MOST]; /* of the bootstrap's interval */
    double p_holm[METRICS_MOST];                  /* NaN outside a family */
} difference_t;

static difference_t *difference_of(const seeds_t *a, const seeds_t *b, int64_t k, const comparison_options_t *o)
{
    const int64_t users = a->ranks[0].users;
    const int count = o->metrics->count;
    difference_t *of = NEW(difference_t);
    double *d = gains(a, b, o->metrics, k), *column = NEW_ARRAY(double, users);
    int64_t *cases = seeds_cases(a);
    bootstrap_means(d, cases, users, count, o->rounds, LEVEL, o->seed, of->low, of->high);
    for (int m = 0; m < count; m++) {
        for (int64_t u = 0; u < users; u++) column[u] = d[u * count + m];
        if (cases) linearise_ratio(column, cases, users);
        of->t[m] = paired_ttest(column, users);
        of->p_holm[m] = NAN;
    }
    free(column);
    free(cases);
    free(d);
    return of;
}

static void difference_json(buf_t *out, const difference_t *d, int m)
{
    buf_puts(out, ", ");
    buf_json_member(out, "difference", d->t[m].mean);
    buf_puts(out, ", \"interval\": [");
    buf_json_number(out, d->low[m]);
    buf_puts(out, ", ");
    buf_json_number(out, d->high[m]);
    buf_puts(out, "], ");
    buf_json_member(out, "t", d->t[m].t);
    buf_puts(out, ", ");
    buf_json_member(out, "p", d->t[m].p);
}

/* The members that comparisons and ablations begin with. */
static void head_json(buf_t *out, const char *schema, const char *split, protocol_t protocol, int64_t users)
{
    buf_printf(out, "{\n  \"schema\": \"%s\",\n  \"split\": ", schema);
    if (split) buf_json_string(out, split, strlen(split));
    else buf_puts(out, "null");
    buf_printf(out, ",\n  \"protocol\": \"%s\",\n  \"users\": %lld,\n", protocol_names[protocol], (long long)users);
}

/* The member "metrics": both systems' means, and what b gains over a. */
static void metrics_json(buf_t *out, const seeds_t both[2], int64_t k, const comparison_options_t *o, const char *indent)
{
    difference_t *d = difference_of(&both[0], &both[1], k, o);
    buf_puts(out, "\"metrics\": {");
    for (int m = 0, shown = 0; m < o->metrics->count; m++) {
        if (metric_cut(o->metrics, m) > k) continue;
        buf_printf(out, "%s\n%s  \"%s\": {", shown++ ? "," : "", indent, o->metrics->name[m]);
        mean_json(out, "a", &both[0], o->metrics, m, k);
        buf_puts(out, ", ");
        mean_json(out, "b", &both[1], o->metrics, m, k);
        difference_json(out, d, m);
        buf_puts(out, "}");
    }
    buf_printf(out, "\n%s}", indent);
    free(d);
}

/* Tells whether all files say which stratum each case is of, and the same. */
static bool know_strata(const seeds_t both[2])
{
    const ranks_t *first = &both[0].ranks[0];
    bool same = first->stratum != NULL;
    for (int b = 0; b < 2; b++)
        for (int i = 0; same && i < both[b].count; i++) {
            const ranks_t *r = &both[b].ranks[i];
            same = r->stratum && !memcmp(r->stratum, first->stratum, (size_t)first->cases * sizeof *r->stratum);
        }
    return same;
}

/* The member "strata": the same by the held-out items' popularity, of those strata that have cases. */
static void strata_json(buf_t *out, const seeds_t both[2], int64_t k, const comparison_options_t *o)
{
    buf_puts(out, ",\n  \"strata\": {");
    for (int s = 0, shown = 0; s < STRATA; s++) {
        seeds_t part[2] = {seeds_part(&both[0], s), seeds_part(&both[1], s)};
        if (part[0].ranks[0].users > 0) {
            buf_printf(out, "%s\n    \"%s\": {\"cases\": %lld, ", shown++ ? "," : "", stratum_name(s), (long long)part[0].ranks[0].cases);
            metrics_json(out, part, k, o, "    ");
            buf_puts(out, "}");
        }
        for (int i = 0; i < 2; i++) seeds_free(&part[i]);
    }
    buf_puts(out, "\n  }");
}

char *comparison_json(const char *a, const char *b, const comparison_options_t *o)
{
    seeds_t both[2] = {seeds_read(a, o->protocol), seeds_read(b, o->protocol)};
    const char *split;
    int64_t k = seeds_check(both, 2, &split), users = both[0].ranks[0].users;
    buf_t out = {0};
    head_json(&out, "comparison/1", split, o->protocol, users);
    buf_printf(&out, "  \"seeds\": [%d, %d],\n  \"bootstrap\": %lld,\n  \"level\": %g,\n  ", both[0].count,
               both[1].count, (long long)o->rounds, LEVEL);
    metrics_json(&out, both, k, o, "  ");
    if (know_strata(both)) strata_json(&out, both, k, o);
    buf_puts(&out, "\n}\n");
    for (int i = 0; i < 2; i++) seeds_free(&both[i]);
    return out.data;
}

/* Means over the seeds of what the files say about the SIDs; null where one does not say. */
static void sids_json(buf_t *out, const seeds_t *system)
{
    double alone = 0, used = 0;
    for (int s = 0; s < system->count; s++) {
        alone += system->ranks[s].alone / system->count;
        used += system->ranks[s].utilisation / system->count;
    }
    buf_puts(out, "\"sids\": {");
    buf_json_member(out, "alone", alone);
    buf_puts(out, ", ");
    buf_json_member(out, "utilisation", used);
    buf_puts(out, "}");
}

static void row_json(buf_t *out, const seeds_t *row, const difference_t *d, int64_t k, const metric_set_t *set)
{
    buf_puts(out, "\n    {\"label\": ");
    buf_json_string(out, row->label, strlen(row->label));
    buf_printf(out, ", \"seeds\": %d, ", row->count);
    sids_json(out, row);
    buf_puts(out, ", \"metrics\": {");
    for (int m = 0, shown = 0; m < set->count; m++) {
        if (metric_cut(set, m) > k) continue;
        buf_printf(out, "%s\n      \"%s\": {", shown++ ? "," : "", set->name[m]);
        mean_json(out, "mean", row, set, m, k);
        difference_json(out, d, m);
        buf_puts(out, ", ");
        buf_json_member(out, "p_holm", d->p_holm[m]);
        buf_puts(out, "}");
    }
    buf_puts(out, "}}");
}

/* Corrects the p-values of every metric over the rows after the first. */
static void correct_rows(difference_t **d, int count, int metrics)
{
    double *p = NEW_ARRAY(double, count);
    for (int m = 0; m < metrics; m++) {
        for (int i = 1; i < count; i++) p[i - 1] = d[i]->t[m].p;
        holm(p, count - 1);
        for (int i = 1; i < count; i++) d[i]->p_holm[m] = p[i - 1];
    }
    free(p);
}

char *comparison_ablation_json(char **rows, int count, const comparison_options_t *o)
{
    seeds_t *systems = NEW_ARRAY(seeds_t, count);
    difference_t **d = NEW_ARRAY(difference_t *, count);
    for (int i = 0; i < count; i++) systems[i] = seeds_read(rows[i], o->protocol);
    const char *split;
    int64_t k = seeds_check(systems, count, &split);
    for (int i = 0; i < count; i++) d[i] = difference_of(&systems[0], &systems[i], k, o);
    correct_rows(d, count, o->metrics->count);
    buf_t out = {0};
    head_json(&out, "ablation/1", split, o->protocol, systems[0].ranks[0].users);
    buf_printf(&out, "  \"bootstrap\": %lld,\n  \"level\": %g,\n  \"rows\": [", (long long)o->rounds, LEVEL);
    for (int i = 0; i < count; i++) {
        buf_puts(&out, i ? "," : "");
        row_json(&out, &systems[i], d[i], k, o->metrics);
        free(d[i]);
    }
    buf_puts(&out, "\n  ]\n}\n");
    for (int i = 0; i < count; i++) seeds_free(&systems[i]);
    free(systems);
    free(d);
    return out.data;
}
