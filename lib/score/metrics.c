#include "score/metrics.h"

#include <ctype.h>
#include <math.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/err.h"
#include "data/ranking.h"

static _Noreturn void bad_cuts(const char *cuts)
{
    die(EX_USAGE, "--cuts '%s': expected up to %d ascending numbers from 1 to %d with commas between", cuts, CUTS_MOST,
        CUT_LARGEST);
}

/* Reads a number and the comma after it; false at the end. */
static bool next_cut(const char **at, const char *cuts, int64_t *cut)
{
    char *end;
    if (!isdigit((unsigned char)**at)) bad_cuts(cuts);
    *cut = strtoll(*at, &end, 10);
    if (*end && *end != ',') bad_cuts(cuts);
    *at = end + (*end == ',');
    return *end == ',';
}

static void name_metrics(metric_set_t *s)
{
    for (int c = 0; c < s->cuts; c++) {
        snprintf(s->name[c], METRIC_NAME, "hr@%d", s->cut[c]);
        snprintf(s->name[s->cuts + c], METRIC_NAME, "ndcg@%d", s->cut[c]);
        snprintf(s->name[2 * s->cuts + 1 + c], METRIC_NAME, "mrr@%d", s->cut[c]);
    }
    snprintf(s->name[metric_mrr(s)], METRIC_NAME, "mrr");
}

metric_set_t metric_set_read(const char *cuts)
{
    metric_set_t s = {0};
    const char *at = cuts;
    int64_t cut = 0, before;
    bool more;
    do {
        before = cut;
        more = next_cut(&at, cuts, &cut);
        if (cut <= before || cut > CUT_LARGEST || s.cuts == CUTS_MOST) bad_cuts(cuts);
        s.cut[s.cuts++] = (int32_t)cut;
    } while (more);
    s.count = 3 * s.cuts + 1;
    name_metrics(&s);
    return s;
}

int metric_mrr(const metric_set_t *s) { return 2 * s->cuts; }

int64_t metric_cut(const metric_set_t *s, int m)
{
    const int mrr = metric_mrr(s);
    return m < mrr ? s->cut[m % s->cuts] : m == mrr ? 0 : s->cut[m - mrr - 1];
}

int metric_main_hr(const metric_set_t *s)
{
    for (int c = 0; c < s->cuts; c++)
        if (s->cut[c] == 10) return c;
    return s->cuts - 1;
}

int metric_main_ndcg(const metric_set_t *s) { return s->cuts + metric_main_hr(s); }

double metric_value(const metric_set_t *s, int m, int32_t rank)
{
    if (rank < 1) return 0;
    if (m == metric_mrr(s)) return 1.0 / rank;
    double hit = ranking_hit(rank, metric_cut(s, m));
    return m < s->cuts ? hit : m < metric_mrr(s) ? hit * ranking_gain(rank) : hit / rank;
}

metrics_t metrics_mean(const metric_set_t *s, const int32_t *rank, int64_t n, int64_t k, const uint8_t *part, int which)
{
    metrics_t mean = {0};
    for (int64_t u = 0; u < n; u++) {
        if (part && part[u] != which) continue;
        mean.users++;
        for (int m = 0; rank[u] > 0 && m < s->count; m++) mean.value[m] += metric_value(s, m, rank[u]);
    }
    for (int m = 0; m < s->count; m++)
        mean.value[m] = mean.users && k > 0 && metric_cut(s, m) <= k ? mean.value[m] / (double)mean.users : NAN;
    return mean;
}
