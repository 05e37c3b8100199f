#include "report/intervals.h"

#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/err.h"
#include "base/mem.h"
#include "score/seeds.h"
#include "score/show_table.h"
#include "score/significance.h"

#define SAME 1e-6 /* what rounding may make of a mean */

static const char *const members[PROTOCOLS] = {"metrics", "metrics_unseen"};

/* The cuts of a result's metrics, as an option has them; caller frees. */
static char *cuts_of(const cJSON *metrics)
{
    buf_t cuts = {0};
    const cJSON *metric;
    long last = 0;
    int count = 0;
    cJSON_ArrayForEach(metric, metrics)
    {
        if (!metric->string || strncmp(metric->string, "hr@", 3) != 0) continue;
        char *end;
        const long cut = strtol(metric->string + 3, &end, 10);
        if (*end || cut <= last || cut > CUT_LARGEST || count++ == CUTS_MOST) continue;
        buf_printf(&cuts, last ? ",%ld" : "%ld", cut);
        last = cut;
    }
    return cuts.data;
}

static double metric_of(const cJSON *result, protocol_t protocol, const char *name)
{
    return show_number_at(show_at(result, members[protocol]), name);
}

static void check_means(const seeds_t *s, const metric_set_t *set, protocol_t protocol, const cJSON *const *results)
{
    for (int seed = 0; seed < s->count; seed++)
        for (int m = 0; m < set->count; m++) {
            const double told = metric_of(results[seed], protocol, set->name[m]);
            const double found = seeds_mean(s, seed, set, m, s->ranks[seed].list.k);
            if (!isnan(told) && fabs(told - found) > SAME)
                die(EX_DATAERR, "%s: %s of its ranks is %.6f, that of the result %.6f: not of the same users or lists", s->names[seed],
                    set->name[m], found, told);
        }
}

/* Appends a metric's interval: of a share, so within 0 and 1. */
static void add_interval(buf_t *out, const double *values, int64_t users)
{
    double low, high;
    mean_interval(values, users, &low, &high);
    buf_puts(out, "[");
    buf_json_number(out, isnan(low) ? low : fmax(low, 0));
    buf_puts(out, ",");
    buf_json_number(out, isnan(high) ? high : fmin(high, 1));
    buf_puts(out, "]");
}

static void add_metrics(buf_t *out, const seeds_t *s, const metric_set_t *set, int64_t k)
{
    const int64_t users = s->ranks[0].users;
    double *sums = NEW_ARRAY(double, size_mul((size_t)users, (size_t)set->count)), *column = NEW_ARRAY(double, users);
    int64_t *cases = seeds_cases(s);
    seeds_add_users(s, set, k, 1, sums);
    for (int m = 0, shown = 0; m < set->count; m++) {
        if (metric_cut(set, m) > k) continue;
        for (int64_t u = 0; u < users; u++) column[u] = sums[u * set->count + m];
        if (cases) linearise_ratio(column, cases, users);
        buf_printf(out, "%s\"%s\":", shown++ ? "," : "", set->name[m]);
        add_interval(out, column, users);
    }
    free(cases);
    free(column);
    free(sums);
}

static bool all_have_ranks(char *const *files, int count, protocol_t protocol)
{
    for (int i = 0; i < count; i++)
        if (!ranks_told(files[i], protocol)) return false;
    return true;
}

static void add_protocol(buf_t *out, char *const *files, const cJSON *const *results, int count, protocol_t protocol, const char *cuts)
{
    const metric_set_t set = metric_set_read(cuts);
    const char *split;
    seeds_t s = {0};
    for (int i = 0; i < count; i++) seeds_add(&s, files[i], protocol);
    const int64_t k = seeds_check(&s, 1, &split);
    check_means(&s, &set, protocol, results);
    add_metrics(out, &s, &set, k);
    seeds_free(&s);
}

void intervals_add(buf_t *out, char *const *files, const cJSON *const *results, int count)
{
    for (protocol_t protocol = 0; protocol < PROTOCOLS; protocol++) {
        char *cuts = cuts_of(show_at(results[0], members[protocol]));
        buf_printf(out, "%s\"%s\":{", protocol ? "," : "{", members[protocol]);
        if (cuts && all_have_ranks(files, count, protocol)) add_protocol(out, files, results, count, protocol, cuts);
        buf_puts(out, "}");
        free(cuts);
    }
    buf_puts(out, "}");
}
