#include "rec/report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "rec/compare.h"

result_t result_of(const int32_t *lists, int64_t n, int64_t k, const int32_t *target, const strata_t *strata, int64_t items,
                   int32_t *rank)
{
    result_t r;
    uint8_t *stratum = NEW_ARRAY(uint8_t, n + 1);
    for (int64_t u = 0; u < n; u++) {
        rank[u] = metric_rank(lists + u * k, k, target[u]);
        stratum[u] = strata->of_item[target[u]];
    }
    r.all = metrics_mean(rank, n, k, NULL, 0);
    for (int s = 0; s < STRATA; s++) r.strata[s] = metrics_mean(rank, n, k, stratum, s);
    r.coverage = metric_coverage(lists, n, k, items);
    free(stratum);
    return r;
}

static void metrics_json(buf_t *out, const metrics_t *m)
{
    for (int i = 0; i < METRICS; i++) {
        buf_printf(out, "%s\"%s\": ", i ? ", " : "", metric_name(i));
        buf_json_number(out, m->value[i]);
    }
}

void result_json(buf_t *out, const result_t *r, const strata_t *strata, int indent)
{
    buf_printf(out, "%*s\"metrics\": {", indent, "");
    metrics_json(out, &r->all);
    buf_printf(out, "},\n%*s\"coverage@%d\": ", indent, "", COVERAGE_CUT);
    buf_json_number(out, r->coverage);
    buf_printf(out, ",\n%*s\"strata\": {\n", indent, "");
    for (int s = 0; s < STRATA; s++) {
        buf_printf(out, "%*s\"%s\": {\"items\": %lld, \"popularity\": [%lld, %lld], \"users\": %lld, ", indent + 2, "",
                   stratum_name(s), (long long)strata->items[s], (long long)strata->least[s], (long long)strata->most[s],
                   (long long)r->strata[s].users);
        metrics_json(out, &r->strata[s]);
        buf_puts(out, s + 1 < STRATA ? "},\n" : "}\n");
    }
    buf_printf(out, "%*s}", indent, "");
}

static void check_same_users(const ranks_t *a, const ranks_t *b, const char *name_a, const char *name_b)
{
    if (a->split && b->split && strcmp(a->split, b->split))
        die(EX_DATAERR, "%s is of split %s, %s of split %s: expected the same", name_a, a->split, name_b, b->split);
    if (a->users != b->users)
        die(EX_DATAERR, "%s has %lld users, %s has %lld: expected the same users", name_a, (long long)a->users, name_b,
            (long long)b->users);
    for (int64_t u = 0; u < a->users; u++) {
        size_t n, m;
        const char *x = strtab_get(&a->user_ids, u, &n), *y = strtab_get(&b->user_ids, u, &m);
        if (n != m || memcmp(x, y, n))
            die(EX_DATAERR, "row %lld is user '%.*s' in %s and '%.*s' in %s: expected the same users in the same order",
                (long long)u, (int)n, x, name_a, (int)m, y, name_b);
    }
}

static double user_value(int m, int32_t rank, int64_t k) { return rank <= k ? metric_value(m, rank) : 0; }

/* One side's mean of metric m over its seeds, and the mean of every seed, as `"a": .., "a_seeds": [..]`. */
static void side_json(buf_t *out, const char *side, const ranks_t *ranks, int seeds, int m, int64_t k)
{
    buf_t each = {0};
    double all = 0;
    for (int s = 0; s < seeds; s++) {
        double mean = 0;
        for (int64_t u = 0; u < ranks[s].users; u++) mean += user_value(m, ranks[s].rank[u], k);
        mean /= (double)ranks[s].users;
        all += mean / seeds;
        buf_puts(&each, s ? ", " : "");
        buf_json_number(&each, mean);
    }
    buf_printf(out, "\"%s\": ", side);
    buf_json_number(out, all);
    buf_printf(out, ", \"%s_seeds\": [%s], ", side, each.data);
    buf_free(&each);
}

/* What b gains over a, per user and metric: [users, METRICS]. */
static double *gains(const ranks_t *a, int seeds_a, const ranks_t *b, int seeds_b, int64_t k)
{
    double *d = NEW_ARRAY(double, size_mul((size_t)a->users, METRICS));
    for (int64_t u = 0; u < a->users; u++) {
        for (int m = 0; m < METRICS; m++) {
            double *gain = &d[u * METRICS + m];
            for (int s = 0; s < seeds_b; s++) *gain += user_value(m, b[s].rank[u], k) / seeds_b;
            for (int s = 0; s < seeds_a; s++) *gain -= user_value(m, a[s].rank[u], k) / seeds_a;
        }
    }
    return d;
}

static void test_json(buf_t *out, const double *d, int64_t users, int m, double low, double high)
{
    double *column = NEW_ARRAY(double, users);
    for (int64_t u = 0; u < users; u++) column[u] = d[u * METRICS + m];
    ttest_t t = paired_ttest(column, users);
    buf_puts(out, "\"difference\": ");
    buf_json_number(out, t.mean);
    buf_puts(out, ", \"interval\": [");
    buf_json_number(out, low);
    buf_puts(out, ", ");
    buf_json_number(out, high);
    buf_puts(out, "], \"t\": ");
    buf_json_number(out, t.t);
    buf_puts(out, ", \"p\": ");
    buf_json_number(out, t.p);
    free(column);
}

char *comparison_json(const ranks_t *a, int seeds_a, const ranks_t *b, int seeds_b, char **names, int64_t rounds,
                      uint64_t seed)
{
    int64_t k = a->k;
    const char *split = NULL;
    for (int s = 0; s < seeds_a + seeds_b; s++) {
        const ranks_t *r = s < seeds_a ? &a[s] : &b[s - seeds_a];
        check_same_users(a, r, names[0], names[s]);
        if (r->k < k) k = r->k;
        if (!split) split = r->split;
    }
    if (a->users < 1) die(EX_DATAERR, "%s: no users", names[0]);
    double *d = gains(a, seeds_a, b, seeds_b, k), low[METRICS], high[METRICS];
    bootstrap_means(d, a->users, METRICS, rounds, 0.95, seed, low, high);

    buf_t out = {0};
    buf_puts(&out, "{\n  \"schema\": \"comparison/1\",\n  \"split\": ");
    if (split) buf_json_string(&out, split, strlen(split));
    else buf_puts(&out, "null");
    buf_printf(&out, ",\n  \"users\": %lld,\n  \"seeds\": [%d, %d],\n  \"bootstrap\": %lld,\n", (long long)a->users, seeds_a,
               seeds_b, (long long)rounds);
    buf_puts(&out, "  \"level\": 0.95,\n  \"metrics\": {");
    for (int m = 0, shown = 0; m < METRICS; m++) {
        if (metric_cut(m) > k) continue;
        buf_printf(&out, "%s\n    \"%s\": {", shown++ ? "," : "", metric_name(m));
        side_json(&out, "a", a, seeds_a, m, k);
        side_json(&out, "b", b, seeds_b, m, k);
        test_json(&out, d, a->users, m, low[m], high[m]);
        buf_puts(&out, "}");
    }
    buf_puts(&out, "\n  }\n}\n");
    free(d);
    return out.data;
}
