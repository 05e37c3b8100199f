#include "score/report.h"

#include <math.h>
#include <stdlib.h>

#include "base/mem.h"
#include "data/ranking.h"

result_t result_of(const int32_t *lists, int64_t n, int64_t k, const int32_t *target, const strata_t *strata, int64_t items,
                   int32_t *rank)
{
    result_t r;
    uint8_t *stratum = NEW_ARRAY(uint8_t, n + 1);
    for (int64_t u = 0; u < n; u++) {
        rank[u] = ranking_find(lists + u * k, k, target[u]);
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
