#include "score/comparison.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/mem.h"
#include "base/minmax.h"
#include "score/label.h"
#include "score/metrics.h"
#include "score/ranks.h"
#include "score/significance.h"
#include "score/strata.h"

enum { MAX_SEEDS = 64 };

#define LEVEL 0.95

/* One system's ranks, a file a seed. */
typedef struct {
    char *label;
    char **names; /* [seeds] of the files, for messages */
    ranks_t *ranks;
    int seeds;
} system_t;

/* The label, or the operand itself; returns its files. */
static const char *split_label(system_t *s, const char *operand)
{
    size_t n = label_length(operand);
    s->label = n ? xstrndup(operand, n) : xstrdup(operand);
    return n ? operand + n + 1 : operand;
}

static system_t system_read(const char *operand, protocol_t protocol)
{
    system_t s = {0};
    char *files = xstrdup(split_label(&s, operand)), *rest = files, *file;
    int cap = 0;
    while ((file = strsep(&rest, ","))) {
        if (s.seeds == MAX_SEEDS) die(EX_USAGE, "'%s': more than %d files of one system", s.label, MAX_SEEDS);
        int names_cap = cap;
        GROW(s.names, s.seeds, names_cap);
        GROW(s.ranks, s.seeds, cap);
        s.names[s.seeds] = xstrdup(file);
        s.ranks[s.seeds++] = ranks_read(file, protocol);
    }
    free(files);
    return s;
}

static void system_free(system_t *s)
{
    for (int i = 0; i < s->seeds; i++) {
        free(s->names[i]);
        ranks_free(&s->ranks[i]);
    }
    free(s->names);
    free(s->ranks);
    free(s->label);
}

static void check_same_users(const ranks_t *a, const ranks_t *b, const char *name_a, const char *name_b)
{
    if (a->split && b->split && strcmp(a->split, b->split))
        die(EX_DATAERR, "%s is of split %s, %s of split %s: expected the same", name_a, a->split, name_b, b->split);
    if (a->users != b->users || a->cases != b->cases)
        die(EX_DATAERR, "%s has %lld users and %lld cases, %s has %lld and %lld: expected the same users", name_a,
            (long long)a->users, (long long)a->cases, name_b, (long long)b->users, (long long)b->cases);
    for (int64_t u = 0; u < a->users; u++) {
        size_t n, m;
        const char *x = strtab_get(&a->user_ids, u, &n), *y = strtab_get(&b->user_ids, u, &m);
        if (n != m || memcmp(x, y, n) || a->case_offsets[u + 1] != b->case_offsets[u + 1])
            die(EX_DATAERR, "row %lld is user '%.*s' in %s and '%.*s' in %s: expected the same users in the same order",
                (long long)u, (int)n, x, name_a, (int)m, y, name_b);
    }
}

/* A metric of one case; ranks beyond k count as not found. */
static double case_value(const metric_set_t *set, int m, int32_t rank, int64_t k)
{
    return rank <= k ? metric_value(set, m, rank) : 0;
}

/* A system's mean of metric m over its seeds, and the mean of every seed, as `"a": .., "a_seeds": [..]`. */
static void mean_json(buf_t *out, const char *name, const system_t *system, const metric_set_t *set, int m, int64_t k)
{
    buf_t each = {0};
    double all = 0;
    for (int s = 0; s < system->seeds; s++) {
        const ranks_t *r = &system->ranks[s];
        double mean = 0;
        for (int64_t i = 0; i < r->cases; i++) mean += case_value(set, m, r->list.rank[i], k);
        mean /= (double)r->cases;
        all += mean / system->seeds;
        buf_puts(&each, s ? ", " : "");
        buf_json_number(&each, mean);
    }
    buf_json_member(out, name, all);
    buf_printf(out, ", \"%s_seeds\": [%s]", name, each.data);
    buf_free(&each);
}

/* Adds a system's metrics of a user's cases, `sign` times. */
static void add_user(const system_t *s, const metric_set_t *set, int64_t user, int64_t k, int sign, double *sum)
{
    const int64_t *at = s->ranks[0].case_offsets + user;
    for (int64_t i = at[0]; i < at[1]; i++)
        for (int m = 0; m < set->count; m++)
            for (int seed = 0; seed < s->seeds; seed++)
                sum[m] += sign * case_value(set, m, s->ranks[seed].list.rank[i], k) / s->seeds;
}

/* What b gains over a, per user, as sums over the user's cases, and metric: [users, metrics]. */
static double *gains(const system_t *a, const system_t *b, const metric_set_t *set, int64_t k)
{
    int64_t users = a->ranks[0].users;
    double *d = NEW_ARRAY(double, size_mul((size_t)users, (size_t)set->count));
    for (int64_t u = 0; u < users; u++) {
        add_user(b, set, u, k, 1, d + u * set->count);
        add_user(a, set, u, k, -1, d + u * set->count);
    }
    return d;
}

/* The number of each user's cases; NULL where all have one. */
static int64_t *cases_of(const ranks_t *r)
{
    if (r->cases == r->users) return NULL;
    int64_t *cases = NEW_ARRAY(int64_t, r->users);
    for (int64_t u = 0; u < r->users; u++) cases[u] = r->case_offsets[u + 1] - r->case_offsets[u];
    return cases;
}

/* A paired difference, metric by metric. */
typedef struct {
    ttest_t t[METRICS_MOST];
    double low[METRICS_MOST], high[METRICS_MOST]; /* of the bootstrap's interval */
    double p_holm[METRICS_MOST];                  /* NaN outside a family */
} difference_t;

static difference_t *difference_of(const system_t *a, const system_t *b, int64_t k, const comparison_options_t *o)
{
    const int64_t users = a->ranks[0].users;
    const int count = o->metrics->count;
    difference_t *of = NEW(difference_t);
    double *d = gains(a, b, o->metrics, k), *column = NEW_ARRAY(double, users);
    int64_t *cases = cases_of(&a->ranks[0]);
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

/* Checks that all files are of the same users and split; returns the length of the shortest list, and the split, if told. */
static int64_t check_systems(const system_t *systems, int count, const char **split)
{
    const ranks_t *first = &systems[0].ranks[0];
    int64_t k = first->list.k;
    *split = NULL;
    for (int i = 0; i < count; i++) {
        for (int s = 0; s < systems[i].seeds; s++) {
            const ranks_t *r = &systems[i].ranks[s];
            check_same_users(first, r, systems[0].names[0], systems[i].names[s]);
            k = min64(k, r->list.k);
            if (!*split) *split = r->split;
        }
    }
    if (first->users < 1) die(EX_DATAERR, "%s: no users", systems[0].names[0]);
    return k;
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
static void metrics_json(buf_t *out, const system_t both[2], int64_t k, const comparison_options_t *o, const char *indent)
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

/* A system's cases of one stratum. */
static system_t system_part(const system_t *s, int stratum)
{
    system_t part = {.ranks = NEW_ARRAY(ranks_t, s->seeds), .seeds = s->seeds};
    for (int i = 0; i < s->seeds; i++) part.ranks[i] = ranks_part(&s->ranks[i], stratum);
    return part;
}

static void free_part(system_t *s)
{
    for (int i = 0; i < s->seeds; i++) ranks_free(&s->ranks[i]);
    free(s->ranks);
}

/* Tells whether all files say which stratum each case is of, and the same. */
static bool know_strata(const system_t both[2])
{
    const ranks_t *first = &both[0].ranks[0];
    bool same = first->stratum != NULL;
    for (int b = 0; b < 2; b++)
        for (int i = 0; same && i < both[b].seeds; i++) {
            const ranks_t *r = &both[b].ranks[i];
            same = r->stratum && !memcmp(r->stratum, first->stratum, (size_t)first->cases * sizeof *r->stratum);
        }
    return same;
}

/* The member "strata": the same by the held-out items' popularity, of those strata that have cases. */
static void strata_json(buf_t *out, const system_t both[2], int64_t k, const comparison_options_t *o)
{
    buf_puts(out, ",\n  \"strata\": {");
    for (int s = 0, shown = 0; s < STRATA; s++) {
        system_t part[2] = {system_part(&both[0], s), system_part(&both[1], s)};
        if (part[0].ranks[0].users > 0) {
            buf_printf(out, "%s\n    \"%s\": {\"cases\": %lld, ", shown++ ? "," : "", stratum_name(s), (long long)part[0].ranks[0].cases);
            metrics_json(out, part, k, o, "    ");
            buf_puts(out, "}");
        }
        for (int i = 0; i < 2; i++) free_part(&part[i]);
    }
    buf_puts(out, "\n  }");
}

char *comparison_json(const char *a, const char *b, const comparison_options_t *o)
{
    system_t both[2] = {system_read(a, o->protocol), system_read(b, o->protocol)};
    const char *split;
    int64_t k = check_systems(both, 2, &split), users = both[0].ranks[0].users;
    buf_t out = {0};
    head_json(&out, "comparison/1", split, o->protocol, users);
    buf_printf(&out, "  \"seeds\": [%d, %d],\n  \"bootstrap\": %lld,\n  \"level\": %g,\n  ", both[0].seeds,
               both[1].seeds, (long long)o->rounds, LEVEL);
    metrics_json(&out, both, k, o, "  ");
    if (know_strata(both)) strata_json(&out, both, k, o);
    buf_puts(&out, "\n}\n");
    for (int i = 0; i < 2; i++) system_free(&both[i]);
    return out.data;
}

/* Means over the seeds of what the files say about the SIDs; null where one does not say. */
static void sids_json(buf_t *out, const system_t *system)
{
    double alone = 0, used = 0;
    for (int s = 0; s < system->seeds; s++) {
        alone += system->ranks[s].alone / system->seeds;
        used += system->ranks[s].utilisation / system->seeds;
    }
    buf_puts(out, "\"sids\": {");
    buf_json_member(out, "alone", alone);
    buf_puts(out, ", ");
    buf_json_member(out, "utilisation", used);
    buf_puts(out, "}");
}

static void row_json(buf_t *out, const system_t *row, const difference_t *d, int64_t k, const metric_set_t *set)
{
    buf_puts(out, "\n    {\"label\": ");
    buf_json_string(out, row->label, strlen(row->label));
    buf_printf(out, ", \"seeds\": %d, ", row->seeds);
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
    system_t *systems = NEW_ARRAY(system_t, count);
    difference_t **d = NEW_ARRAY(difference_t *, count);
    for (int i = 0; i < count; i++) systems[i] = system_read(rows[i], o->protocol);
    const char *split;
    int64_t k = check_systems(systems, count, &split);
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
    for (int i = 0; i < count; i++) system_free(&systems[i]);
    free(systems);
    free(d);
    return out.data;
}
