#include "score/verdict.h"

#include <math.h>
#include <stdlib.h>

#include "base/err.h"
#include "base/mem.h"
#include "data/ranking.h"

static void judge(verdict_t *v, const held_out_t *h)
{
    uint8_t *stratum = NEW_ARRAY(uint8_t, v->n + 1);
    for (int64_t u = 0; u < v->n; u++) {
        int32_t target = h->histories[u].target;
        v->rank[u] = ranking_find(v->items + u * v->k, v->k, target);
        stratum[u] = h->strata.of_item[target];
    }
    v->all = metrics_mean(v->rank, v->n, v->k, NULL, 0);
    for (int s = 0; s < STRATA; s++) v->strata[s] = metrics_mean(v->rank, v->n, v->k, stratum, s);
    v->coverage = metric_coverage(v->items, v->n, v->k, h->x.items);
    free(stratum);
}

verdict_t verdict_of(ranker_t *r, const held_out_t *h, int width, int64_t k)
{
    size_t cells = size_mul((size_t)h->n, (size_t)k);
    verdict_t v = {.name = r->name, .n = h->n, .k = k, .items = NEW_ARRAY(int32_t, cells), .scores = NEW_ARRAY(float, cells),
                   .rank = NEW_ARRAY(int32_t, h->n)};
    ranker_query_t q = held_out_query(h, width);
    r->topk(r, &q, k, v.items, v.scores);
    judge(&v, h);
    return v;
}

void verdict_free(verdict_t *v)
{
    free(v->items);
    free(v->scores);
    free(v->rank);
    *v = (verdict_t){0};
}

void verdict_note(const verdict_t *v, const char *split)
{
    buf_t values = {0};
    for (int m = 0; m < METRICS; m++)
        if (!isnan(v->all.value[m]) && (metric_cut(m) == 10 || m == METRICS - 1))
            buf_printf(&values, " %s %.4f", metric_name(m), v->all.value[m]);
    note("%s, %s, %lld users:%s", v->name, split, (long long)v->n, values.data);
    buf_free(&values);
}

static void metrics_json(buf_t *out, const metrics_t *m)
{
    for (int i = 0; i < METRICS; i++) {
        buf_puts(out, i ? ", " : "");
        buf_json_member(out, metric_name(i), m->value[i]);
    }
}

void verdict_json(buf_t *out, const verdict_t *v, const strata_t *strata, int indent)
{
    buf_printf(out, "%*s\"metrics\": {", indent, "");
    metrics_json(out, &v->all);
    buf_printf(out, "},\n%*s\"coverage@%d\": ", indent, "", COVERAGE_CUT);
    buf_json_number(out, v->coverage);
    buf_printf(out, ",\n%*s\"strata\": {\n", indent, "");
    for (int s = 0; s < STRATA; s++) {
        buf_printf(out, "%*s\"%s\": {\"items\": %lld, \"popularity\": [%lld, %lld], \"users\": %lld, ", indent + 2, "",
                   stratum_name(s), (long long)strata->items[s], (long long)strata->least[s], (long long)strata->most[s],
                   (long long)v->strata[s].users);
        metrics_json(out, &v->strata[s]);
        buf_puts(out, s + 1 < STRATA ? "},\n" : "}\n");
    }
    buf_printf(out, "%*s}", indent, "");
}
